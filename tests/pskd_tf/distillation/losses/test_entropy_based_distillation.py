"""EBKD: uncertain teachers count less."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.logits import (
    EntropyBasedDistillation,
    KnowledgeDistillation,
    entropy_weights,
)


def test_a_hand_computed_number():
    # H_1 of (0.5, 0.5) = 0.693147, H_2 of (0.9, 0.1) = 0.325083, sum 1.018230, n - 1 = 1:
    # w_1 = 0.325083 / 1.018230 = 0.319263, w_2 = 0.680737.
    # KL_1 = 0, KL_2 = 0.693147 - 0.325083 = 0.368064; T = 1, lambda = 2:
    # 0.693147 + 2 * 0.680737 * 0.368064 = 1.194257
    teachers = np.log(np.float32([[[0.5, 0.5], [0.9, 0.1]]]))
    targets = {"labels": np.int32([0]), "teacher_logits": teachers}
    terms = EntropyBasedDistillation(1.0, 2.0).terms(
        targets, {"logits": np.zeros((1, 2), np.float32)}
    )
    assert float(terms.loss[0]) == pytest.approx(1.194257, abs=1e-5)
    np.testing.assert_allclose(terms.selection, [[0.319263, 0.680737, 0.0]], atol=1e-6)


def test_a_uniform_teacher_gets_the_lowest_weight(make_batch):
    logits = make_batch(teachers=3)[0]["teacher_logits"]
    logits[:, 1] = 7.0
    weights = np.asarray(entropy_weights(logits, np.ones((8, 3), np.float32)))
    assert (weights.argmin(axis=1) == 1).all()
    assert weights.max() <= 0.5 + 1e-6  # 1 / (K - 1), that of a teacher without entropy
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_equal_teachers_share_equally_however_certain(make_batch, scale):
    logits = make_batch(teachers=1)[0]["teacher_logits"] * np.float32(scale)
    weights = entropy_weights(np.repeat(logits, 3, axis=1), np.ones((8, 3), np.float32))
    np.testing.assert_allclose(weights, 1 / 3, atol=1e-6)


def test_one_teacher_is_plain_distillation(make_batch):
    batch = make_batch(teachers=1)
    terms = EntropyBasedDistillation(3.0, 0.7, 0.1).terms(*batch)
    expected = KnowledgeDistillation(3.0, 0.7, 0.1).terms(*batch).loss
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)
