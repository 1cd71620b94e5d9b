"""AEKD: weights that shorten the mixture of the teachers' gradients."""

import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.losses.features import (
    AdaptiveEnsembleDistillation,
    adaptive_ensemble_weights,
)
from pskd_tf.distillation.losses.logits import KnowledgeDistillation, knowledge_distillation


def _gradient(loss, targets, outputs):
    logits = tf.Variable(outputs["logits"])
    with tf.GradientTape() as tape:
        value = loss.terms(targets, {**outputs, "logits": logits}).loss
    return tape.gradient(value, logits)


def test_a_hand_computed_number():
    # T = 1, student of halves: g_1 = (0.5 - 0.8) (1, -1) = -0.3 (1, -1), g_2 = 0.1 (1, -1).
    # They cancel at w = (1/4, 3/4); the cap 0.6 gives (0.4, 0.6).
    # 0.693147 + 0.9 (0.4 * 0.192745 + 0.6 * 0.020136) = 0.773409
    targets = {
        "labels": np.int32([0]),
        "teacher_logits": np.log(np.float32([[[0.8, 0.2], [0.4, 0.6]]])),
    }
    outputs = {"logits": np.zeros((1, 2), np.float32)}
    terms = AdaptiveEnsembleDistillation(1.0).terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(0.773409, abs=1e-4)
    np.testing.assert_allclose(terms.selection, [[0.4, 0.6, 0]], atol=1e-4)
    free = AdaptiveEnsembleDistillation(1.0, cap=1.0).terms(targets, outputs)
    np.testing.assert_allclose(free.selection, [[0.25, 0.75, 0]], atol=1e-4)


def test_one_teacher_has_the_gradient_of_distillation(make_batch):
    batch = make_batch(teachers=1)
    np.testing.assert_allclose(
        _gradient(AdaptiveEnsembleDistillation(3.0), *batch),
        _gradient(KnowledgeDistillation(3.0, 0.9), *batch),
        atol=1e-6,
    )


def test_identical_teachers_share_equally(make_batch):
    targets, outputs = make_batch(teachers=1)
    targets["teacher_logits"] = np.repeat(targets["teacher_logits"], 3, axis=1)
    terms = AdaptiveEnsembleDistillation(3.0).terms(targets, outputs)
    np.testing.assert_allclose(terms.selection[:, :3], 1 / 3, atol=1e-5)
    expected = KnowledgeDistillation(3.0, 0.9).terms(targets, outputs).loss
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)


def test_the_weights_shorten_the_gradient_of_the_divergences(make_batch):
    """The closed form of the gradient agrees with the tape's, and equal weights are longer."""
    targets, outputs = make_batch(teachers=3)
    teachers, logits = targets["teacher_logits"], tf.Variable(outputs["logits"])
    with tf.GradientTape() as tape:
        divergence = tf.reduce_mean(knowledge_distillation(teachers, logits[:, None], 3.0), axis=0)
    # Each (batch, classes) Jacobian already holds the mean over the batch, so their sum is g_k.
    pulls = tf.reduce_sum(tape.jacobian(divergence, logits), axis=1).numpy()
    everywhere = np.ones((8, 3), np.float32)
    weights = np.asarray(adaptive_ensemble_weights(teachers, logits, everywhere, 3.0, 0.6))
    assert np.ptp(weights, axis=0).max() == 0  # one weight per batch
    length = np.linalg.norm(weights[0] @ pulls)
    assert length < np.linalg.norm(pulls.mean(axis=0)) - 1e-3
    for k in range(3):
        towards = 0.9 * weights[0] + 0.1 * (np.arange(3) == k)
        if towards.max() <= 0.6:
            assert np.linalg.norm(towards @ pulls) >= length - 1e-4


def test_no_gradient_flows_through_the_weights(make_batch):
    targets, outputs = make_batch(teachers=3)
    logits = tf.Variable(outputs["logits"])
    everywhere = np.ones((8, 3), np.float32)
    with tf.GradientTape() as tape:
        weights = adaptive_ensemble_weights(targets["teacher_logits"], logits, everywhere, 3.0, 0.6)
    assert tape.gradient(weights, logits) is None


@pytest.mark.parametrize("cap", [0.0, 1.5])
def test_the_cap_is_checked(cap):
    with pytest.raises(ValueError) as error:
        AdaptiveEnsembleDistillation(cap=cap)
    assert str(error.value) == f"cap must lie in 0..1, 0 excluded. Received: {cap}"
