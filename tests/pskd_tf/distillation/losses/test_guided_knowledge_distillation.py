"""Guided KD: only teachers that are right."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import GuidedKnowledgeDistillation, KnowledgeDistillation


def test_a_hand_computed_number():
    # At T = 2: teacher 1 (3/4, 1/4), right, T^2 KL = 0.523248; teacher 2 (1/4, 3/4), wrong.
    # CE of two equal logits: 0.693147. lambda = 3: 0.693147 + 3 * 0.523248 = 2.262891
    teachers = 2 * np.log(np.float32([[[3.0, 1.0], [1.0, 3.0]]]))
    targets = {"labels": np.int32([0]), "teacher_logits": teachers}
    terms = GuidedKnowledgeDistillation(2.0, 3.0).terms(
        targets, {"logits": np.zeros((1, 2), np.float32)}
    )
    assert float(terms.loss[0]) == pytest.approx(2.262891, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[1, 0, 0]])


def test_wrong_teachers_leave_cross_entropy(make_batch):
    targets, outputs = make_batch(teachers=2, boost=-50.0)
    terms = GuidedKnowledgeDistillation(label_smoothing=0.1).terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"], 0.1)
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection, np.tile([0, 0, 1], (8, 1)))


def test_right_teachers_give_their_mean(make_batch):
    batch = make_batch(teachers=3, boost=50.0)
    terms = GuidedKnowledgeDistillation(3.0, 0.7).terms(*batch)
    np.testing.assert_allclose(
        terms.loss, KnowledgeDistillation(3.0, 0.7).terms(*batch).loss, rtol=1e-5
    )
