"""DIST: correlations over classes and over the batch."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.logits import (
    StrongerTeacherDistillation,
    pearson,
    stronger_teacher_distillation,
)


def test_a_hand_computed_number():
    # (0.5, 0.3, 0.2) and (0.2, 0.3, 0.5), centred: covariance -0.043333, variances 0.046667 both:
    # correlation -0.928571, inter 1.928571. Over the two samples class 0 and 2 correlate -1,
    # class 1 has no variance and counts 0: intra 1 + 2/3. CE = -log 0.2 = 1.609438.
    # 1.609438 + 1.928571 + 1.666667 = 5.204676; at T = 1 no further factor.
    rows = np.log(np.float32([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]]))
    targets = {"labels": np.int32([0, 2]), "teacher_logits": rows[:, None]}
    terms = StrongerTeacherDistillation().terms(targets, {"logits": rows[::-1]})
    np.testing.assert_allclose(terms.loss, [5.204676, 5.204676], atol=1e-4)
    np.testing.assert_array_equal(terms.selection, [[1, 0], [1, 0]])


def test_the_correlation_is_numpy_s_and_ignores_scale_and_shift():
    first, second = np.random.default_rng(0).normal(size=(2, 9)).astype(np.float32)
    expected = np.corrcoef(first, second)[0, 1]
    for moved in (second, 0.01 * second + 3, 100 * second - 1):
        assert float(pearson(first, moved, 1.0, 0)) == pytest.approx(expected, abs=1e-4)
    assert float(pearson(first, -second, 1.0, 0)) == pytest.approx(-expected, abs=1e-5)
    weights = np.float32([1, 0, 1, 1, 1, 0, 1, 1, 1])
    some = weights.astype(bool)
    expected = np.corrcoef(first[some], second[some])[0, 1]
    assert float(pearson(first, second, weights, 0)) == pytest.approx(expected, abs=1e-5)


def test_probabilities_scaled_about_the_uniform_ones_cost_nothing(make_batch):
    """A student of p_s = a p_t + (1 - a) / classes is less sure and correlates fully."""
    teachers = make_batch(teachers=1)[0]["teacher_logits"]
    soft = np.exp(teachers) / np.exp(teachers).sum(axis=2, keepdims=True)
    student = np.log(0.3 * soft[:, 0] + 0.7 / 5)
    inter, intra = stronger_teacher_distillation(teachers, student, np.ones((8, 1)), 1.0)
    np.testing.assert_allclose(inter, 0.0, atol=1e-5)
    np.testing.assert_allclose(intra, 0.0, atol=1e-5)


def test_the_batch_of_a_teacher_is_what_it_sees(make_batch):
    targets, outputs = make_batch(teachers=1)
    teachers, logits = targets["teacher_logits"], outputs["logits"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])[:, None]
    some = seen[:, 0].astype(bool)
    _, intra = stronger_teacher_distillation(teachers, logits, seen, 2.0)
    everyone = np.ones((6, 1), np.float32)
    _, alone = stronger_teacher_distillation(teachers[some], logits[some], everyone, 2.0)
    np.testing.assert_allclose(intra, alone, rtol=1e-5)
