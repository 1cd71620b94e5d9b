"""DGKD: all larger nets at once, and how one is dropped."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import DenselyGuidedDistillation, knowledge_distillation
from pskd_tf.distillation.step import distillation_step


def test_hand_computed_numbers_with_and_without_a_dropped_teacher():
    # At T = 2 teachers 1 and 2 are (3/4, 1/4): T^2 KL = 0.523248 each; teacher 3 is the student.
    # l = 0.5: 0.5 * 0.693147 + 0.5 (2 * 0.523248 + 0) = 0.869822
    teacher = 2 * np.log(np.float32([3, 1]))
    targets = {
        "labels": np.int32([0]),
        "teacher_logits": np.stack([[teacher, teacher, np.zeros(2, np.float32)]]),
    }
    outputs = {"logits": np.zeros((1, 2), np.float32)}
    loss = DenselyGuidedDistillation(2.0, 0.5)
    terms = loss.terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(0.869822, abs=1e-5)
    np.testing.assert_allclose(terms.selection, [[1 / 6, 1 / 6, 1 / 6, 1 / 2]], atol=1e-6)
    # Without teacher 2: 0.346574 + 0.5 * 0.523248 = 0.608198
    dropped = loss.terms({**targets, "teacher_available": np.float32([[1, 0, 1]])}, outputs)
    assert float(dropped.loss[0]) == pytest.approx(0.608198, abs=1e-5)
    np.testing.assert_allclose(dropped.selection, [[0.25, 0, 0.25, 0.5]], atol=1e-6)


def test_the_published_share_of_1_is_the_sum_of_divergences(make_batch):
    targets, outputs = make_batch(teachers=3)
    terms = DenselyGuidedDistillation().terms(targets, outputs)
    divergence = knowledge_distillation(targets["teacher_logits"], outputs["logits"][:, None], 5.0)
    np.testing.assert_allclose(terms.loss, np.sum(divergence, axis=1), rtol=1e-5)


def test_a_share_of_0_is_cross_entropy(make_batch):
    targets, outputs = make_batch()
    terms = DenselyGuidedDistillation(distillation_share=0.0).terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"])
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)


def test_a_teacher_dropped_from_a_batch_stays_dropped_under_mixup(make_batch):
    targets, outputs = make_batch(teachers=3)
    targets["teacher_available"] = np.tile(np.float32([1, 0, 1]), (8, 1))
    share = np.random.default_rng(0).uniform(size=8).astype(np.float32)
    terms = distillation_step(DenselyGuidedDistillation(), targets, outputs, share)
    np.testing.assert_array_equal(terms.selection[:, 1], 0.0)


def test_the_share_is_checked():
    with pytest.raises(ValueError) as error:
        DenselyGuidedDistillation(distillation_share=1.5)
    assert str(error.value) == "distillation_share must lie in 0..1. Received: 1.5"
