"""Fine-tuning of the dense head: its weights, its gradient, where it ends."""

import numpy as np
import pytest
from scipy.special import log_softmax

from data_prep.errors import UserError
from pskd_tf.distillation.head import (
    Head,
    HeadSamples,
    HeadSettings,
    fine_tuned_heads,
    sample_weights,
)

CLASSES, WIDTH = 3, 4


def samples(count, seed, classes=CLASSES):
    generator = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    embeddings = generator.normal(0, 1, (count, WIDTH)) + 2 * np.eye(classes, WIDTH)[labels]
    return HeadSamples(embeddings.astype(np.float32), labels)


@pytest.fixture
def head():
    generator = np.random.default_rng(7)
    return Head(generator.normal(0, 0.1, (WIDTH, CLASSES)).astype(np.float32), np.zeros(CLASSES))


def test_classes_keep_their_shares_and_the_wearer_has_a_part_of_them():
    """Of 8 training samples 3 are none, 3 of class 0, 2 of class 1."""
    training = np.array([0, 1, 2, 0, 1, 0, 2, 2])
    weights = sample_weights(np.array([0, 1]), training, 2, own_share=0.75)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights[:2], 0.75 * (5 / 8) / 2)
    np.testing.assert_allclose(weights[2:][training == 2], 1 / 8)
    np.testing.assert_allclose(weights[2:][training != 2], 0.25 / 8)


def test_a_class_without_a_repetition_keeps_all_of_its_share():
    """The wearer's three samples of class 0 have a part of that class's 3/8 alone."""
    training = np.array([0, 1, 2, 0, 1, 0, 2, 2])
    weights = sample_weights(np.array([0, 0, 0]), training, 2, own_share=0.8)
    assert weights.sum() == pytest.approx(1)
    np.testing.assert_allclose(weights[:3], 0.8 * (3 / 8) / 3)
    np.testing.assert_allclose(weights[3:][training != 0], 1 / 8)
    np.testing.assert_allclose(weights[3:][training == 0], 0.2 / 8)


def test_a_class_with_more_repetitions_is_not_more_likely():
    training = np.array([0, 1, 0, 1])
    weights = sample_weights(np.array([0, 0, 0, 1]), training, None, own_share=0.5)
    assert weights[:3].sum() == pytest.approx(weights[3]) == pytest.approx(0.25)


def test_the_first_step_is_the_gradient_over_the_mean_squared_norm(head):
    own, training = samples(6, 1), samples(9, 2)
    settings = HeadSettings(learning_rate=0.5, epochs=1, own_share=0.5)
    (tuned,) = fine_tuned_heads(head, own, training, settings, 0.1, None)
    embeddings = np.concatenate([own.embeddings, training.embeddings]).astype(float)
    labels = np.concatenate([own.labels, training.labels])
    weights = np.array([0.5 / 6] * 6 + [0.5 / 9] * 9)
    targets = 0.9 * np.eye(CLASSES)[labels] + 0.1 / CLASSES

    def loss(kernel, bias):
        return -(weights * (targets * log_softmax(embeddings @ kernel + bias, axis=1)).sum(1)).sum()

    rate = 0.5 / (weights * ((embeddings**2).sum(axis=1) + 1)).sum()
    small = 1e-5
    for place in ((0, 0), (3, 2), (1, 1)):
        moved = [head.kernel.astype(float) for _ in range(2)]
        moved[0][place] += small
        moved[1][place] -= small
        slope = (loss(moved[0], head.bias) - loss(moved[1], head.bias)) / (2 * small)
        expected = head.kernel[place] - rate * slope
        assert tuned.kernel[place] == pytest.approx(expected, abs=1e-5)


def test_more_epochs_come_closer_to_the_best_head(head):
    """Where the gradient is zero; the kernel of the start no longer matters there."""
    own, training = samples(30, 1), samples(60, 2)
    settings = HeadSettings(learning_rate=4.0, epochs=3000)
    ends = [
        fine_tuned_heads(one, own, training, settings, 0.1, None)[0]
        for one in (head, Head(-head.kernel, head.bias))
    ]
    # The logits of all classes may move together, which no loss sees.
    centred = [one.kernel - one.kernel.mean(axis=1, keepdims=True) for one in ends]
    np.testing.assert_allclose(*centred, atol=0.01)
    assert np.abs(centred[0]).max() > 0.5


def test_several_numbers_of_epochs_are_those_of_single_trainings(head):
    own, training = samples(6, 1), samples(9, 2)
    settings = HeadSettings(epochs=5)
    several = fine_tuned_heads(head, own, training, settings, 0.1, None, epochs=(5, 2))
    assert len(several) == 2
    (single,) = fine_tuned_heads(head, own, training, settings, 0.1, None)
    np.testing.assert_array_equal(several[1].kernel, single.kernel)
    assert not np.array_equal(several[0].kernel, single.kernel)


def test_the_bias_of_none_is_added_at_the_end(head):
    own, training = samples(6, 1, 2), samples(9, 2)
    plain, more = (
        fine_tuned_heads(head, own, training, HeadSettings(none_bias=bias), 0.1, 2)[0]
        for bias in (0.0, 0.75)
    )
    np.testing.assert_array_equal(more.kernel, plain.kernel)
    np.testing.assert_allclose(more.bias - plain.bias, [0, 0, 0.75], atol=1e-6)
    probabilities = np.exp(log_softmax(plain.logits(own.embeddings), axis=1))
    assert (probabilities[:, 2] < 0.5).mean() > 0.5


def test_settings_out_of_range_are_refused():
    with pytest.raises(UserError, match=r"learning_rate must lie in 0\.\.4"):
        HeadSettings(learning_rate=5.0)
