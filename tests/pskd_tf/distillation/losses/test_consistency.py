"""Consistency of two views: closed forms."""

import keras
import numpy as np
import pytest

from pskd_tf.distillation.losses.base import CrossEntropy
from pskd_tf.distillation.losses.consistency import ConsistentLoss, symmetric_divergence
from pskd_tf.distillation.step import distillation_step


def _logits(*probabilities: tuple[float, ...]) -> np.ndarray:
    return np.log(np.array(probabilities, np.float32))


def test_the_divergence_of_given_probabilities_by_hand():
    """(3/4, 1/4) and (1/4, 3/4): each KL is (3/4 - 1/4) log 3, and so is their mean."""
    first, second = _logits((0.75, 0.25)), _logits((0.25, 0.75))
    np.testing.assert_allclose(symmetric_divergence(first, second), [0.5 * np.log(3)], rtol=1e-6)
    # (1/2, 1/2) and (1/5, 4/5): KL(p || q) = log(5/4), KL(q || p) = log 2 - H(q).
    first, second = _logits((0.5, 0.5)), _logits((0.2, 0.8))
    entropy = -(0.2 * np.log(0.2) + 0.8 * np.log(0.8))
    expected = 0.5 * (np.log(1.25) + np.log(2) - entropy)
    np.testing.assert_allclose(symmetric_divergence(first, second), [expected], rtol=1e-5)
    np.testing.assert_allclose(symmetric_divergence(first, first + 7), [0.0], atol=1e-6)


@pytest.mark.parametrize("weight", [1.0, 5.0])
def test_the_mean_over_a_batch_is_half_of_the_paper_s_loss_of_its_clips(weight):
    """Eq. 4 for a clip: -log P1(y) - log P2(y) + alpha (KL(P1 || P2) + KL(P2 || P1)) / 2."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(6, 4)).astype(np.float32)
    labels = np.array([0, 3, 1])
    loss = ConsistentLoss(CrossEntropy(), weight)
    terms = loss.terms({"labels": np.tile(labels, 2)}, {"logits": logits})
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = []
    for clip, label in enumerate(labels):
        one, two = chances[clip], chances[clip + 3]
        apart = np.sum(one * np.log(one / two)) + np.sum(two * np.log(two / one))
        expected.append(-np.log(one[label]) - np.log(two[label]) + weight * apart / 2)
    assert float(np.mean(terms.loss)) == pytest.approx(np.mean(expected) / 2, rel=1e-5)
    np.testing.assert_allclose(sum(terms.parts.values()), terms.loss, rtol=1e-6)


def test_equal_views_add_nothing_and_a_mixture_has_it_once():
    logits = np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)
    loss, plain = ConsistentLoss(CrossEntropy(), 3.0), CrossEntropy()
    targets, share = {"labels": np.array([0, 1, 0, 1])}, np.array([0.3, 0.6] * 2, np.float32)
    for changed, added in ((logits, 0.0), (logits[::-1], 1.0)):
        outputs = {"logits": np.concatenate([logits, changed])}
        mixed = distillation_step(loss, targets, outputs, share).loss
        without = distillation_step(plain, targets, outputs, share).loss
        apart = 1.5 * np.tile(symmetric_divergence(logits, changed), 2)
        np.testing.assert_allclose(mixed - without, added * apart, atol=1e-6)


def test_it_can_be_saved():
    loss = ConsistentLoss(CrossEntropy(0.1), 2.0)
    again = ConsistentLoss.from_config(loss.get_config())
    assert (again.weight, again.loss.label_smoothing) == (2.0, 0.1)
    assert keras.saving.serialize_keras_object(again) == keras.saving.serialize_keras_object(loss)
