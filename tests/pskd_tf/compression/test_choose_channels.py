"""The choice of channels: the least important go, the board's limits hold, the rest is refused."""

import keras
import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.compression.cost import BoardCost, BoardLimits, count_macs
from pskd_tf.compression.slim import (
    channel_importance,
    choose_channels,
    estimated_cost,
    prunable_layers,
    slim_builder_arguments,
    slim_weights,
)
from pskd_tf.evaluation.tflm import arena_bytes
from pskd_tf.models.registry import build_student

FULL = BoardCost(40_752, 9_360, 262_656)


@pytest.fixture(scope="module")
def student(int8_student) -> keras.Model:
    model = build_student(keras, **int8_student.builder_arguments)
    model.set_weights(int8_student.weights)
    return model


@pytest.fixture(scope="module")
def importance(student) -> dict[str, np.ndarray]:
    names = prunable_layers("accelerometer_student")
    return {name: channel_importance(student, name, "norm_scale") for name in names}


def test_importance_is_the_norm_s_scale_or_the_kernel_s_length(student):
    gamma = student.get_layer("stem_norm").gamma.numpy()
    scores = channel_importance(student, "stem", "norm_scale")
    np.testing.assert_allclose(scores, np.abs(gamma) / np.abs(gamma).mean(), rtol=1e-6)
    kernel = student.get_layer("stem").kernel.numpy()
    lengths = np.linalg.norm(kernel.reshape(-1, 24), axis=0)
    scores = channel_importance(student, "stem", "kernel")
    np.testing.assert_allclose(scores, lengths / lengths.mean(), rtol=1e-5)


def test_what_tfmot_masked_counts_nothing(int8_student):
    model = build_student(keras, **int8_student.builder_arguments)
    kernel = np.ones(model.get_layer("stem").kernel.shape, np.float32)
    kernel[..., 3] = 0  # all weights of this channel are masked
    kernel[:3, ..., 5] = 0  # and some of this one's
    model.get_layer("stem").kernel.assign(kernel)
    scores = channel_importance(model, "stem", "kernel")
    assert scores[3] == 0 and 0 < scores[5] < scores[0]


@pytest.mark.parametrize(
    "limits",
    [
        BoardLimits(flash_bytes=20_376),
        BoardLimits(arena_bytes=7_000),
        BoardLimits(macs=100_000),
        BoardLimits(flash_bytes=24_576, arena_bytes=6_400, macs=90_000),
    ],
)
def test_the_choice_fits_and_is_no_smaller_than_it_must_be(student, importance, limits):
    kept = choose_channels(student, importance, limits, FULL)
    cost = estimated_cost(student, kept, FULL)
    assert not limits.excess(cost)
    # One step less would not do: at least one limit is used to 90 %.
    shares = [getattr(cost, name) / limit for name, limit in vars(limits).items() if limit]
    assert max(shares) > 0.9
    for name, mask in kept.items():
        scores = importance[name]
        assert mask.sum() >= 4
        # Within a layer the least important ones went.
        assert scores[mask].min() >= scores[~mask].max(initial=0)


def test_a_model_that_fits_stays_whole(student, importance):
    kept = choose_channels(student, importance, BoardLimits(flash_bytes=41_000), FULL)
    assert all(mask.all() for mask in kept.values())


def test_the_estimate_is_a_close_upper_bound_of_the_converted_model(
    int8_student, student, importance
):
    limits = BoardLimits(flash_bytes=18_000, arena_bytes=6_500)
    kept = choose_channels(student, importance, limits, FULL)
    estimate = estimated_cost(student, kept, FULL)
    arguments = slim_builder_arguments(int8_student.builder_arguments, kept)
    weights = slim_weights(student, kept)
    tflite = convert_to_int8(weights, arguments, int8_student.features[::9])
    assert 0 <= estimate.flash_bytes - len(tflite) < 200
    assert 0 <= estimate.arena_bytes - arena_bytes(tflite) < 250
    assert estimate.macs == count_macs(build_student(keras, **arguments))


def test_limits_below_the_smallest_student_are_refused(student, importance):
    with pytest.raises(UserError, match=r"room for the smallest student.*flash_bytes by \d+ over"):
        choose_channels(student, importance, BoardLimits(flash_bytes=5_000), FULL)


def test_a_limit_must_be_positive():
    with pytest.raises(UserError, match=r"limit on macs must be positive\. Received: 0"):
        BoardLimits(macs=0)


def test_an_unknown_importance_and_a_missing_norm_are_refused(student):
    with pytest.raises(UserError, match=r"one of norm_scale, kernel\. Received: age"):
        channel_importance(student, "stem", "age")
    with pytest.raises(UserError, match=r"needs a BatchNorm behind\. Received: logits"):
        channel_importance(student, "logits", "norm_scale")
