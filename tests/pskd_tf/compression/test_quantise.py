"""Quantisation-aware training: ranges, zeros, heads and the way to int8."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.compression.quantise import train_quantised, warm_ranges
from pskd_tf.compression.twin import (
    quantised_twin,
    student_twin,
    unwrapped_weights,
    with_convolution_head,
)
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.evaluation.layers import layer_noise
from pskd_tf.evaluation.tflm import tflm_operators
from pskd_tf.models.registry import build_student


@pytest.fixture(scope="module")
def source(small_student):
    """The small student with the head of convolutions, half of each kernel zero."""
    weights = [
        np.where(np.abs(one) < 0.2, 0, one) if one.ndim > 1 else one
        for one in small_student.model.get_weights()
    ]
    return with_convolution_head(weights, small_student.arguments)


def batches(features: np.ndarray, count: int = 4) -> tf.data.Dataset:
    labels = np.arange(len(features), dtype=np.int32) % 5
    x = {"accelerometer": features, "skeleton_logits": 3 * np.eye(5, dtype=np.float32)[labels]}
    return tf.data.Dataset.from_tensor_slices((x, labels)).batch(16).repeat(count)


@pytest.fixture(scope="module")
def trained(small_student, source):
    return train_quantised(
        *source,
        batches(small_student.features),
        AdaptiveConfidenceSemantic(),
        small_student.features,
        steps_per_epoch=2,
        epochs=2,
        learning_rate=1e-3,
        preserve_sparsity=True,
    )


def test_the_convolution_head_computes_the_same(small_student):
    weights, arguments = with_convolution_head(
        small_student.model.get_weights(), small_student.arguments
    )
    other = build_student(keras, **arguments)
    other.set_weights(weights)
    ours = small_student.model(small_student.features, training=False)
    theirs = other(small_student.features, training=False)
    for name in ("logits", "embedding"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=1e-5, atol=1e-5)


@pytest.fixture(scope="module")
def wrapped(source):
    return quantised_twin(*source)


def test_wrapping_and_unwrapping_gives_the_weights_back(source, wrapped):
    for ours, theirs in zip(unwrapped_weights(wrapped, source[1]), source[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_cold_ranges_are_six_and_warm_ranges_those_of_the_float_net(small_student, source, wrapped):
    model = wrapped
    cold = {
        one.name: float(one.numpy())
        for one in model.get_layer("quant_stem_relu").weights
        if "output_" in one.name
    }
    assert sorted(cold.values()) == [-6.0, 6.0]
    twin = student_twin(source[0], **source[1])
    found = warm_ranges(model, twin, small_student.features)
    relu = tf_keras.Model(twin.input, twin.get_layer("stem_relu").output)(small_student.features)
    assert found["quant_stem_relu"] == (0.0, pytest.approx(float(np.max(relu)), rel=1e-6))
    logits = np.asarray(twin(small_student.features, training=False)["logits"])
    assert found["quant_logits"] == (
        pytest.approx(min(logits.min(), 0)),
        pytest.approx(max(logits.max(), 0)),
    )
    # The input, seven ReLUs of the blocks, the pool, the embedding's ReLU and the logits.
    assert len(found) == 11


def test_zeros_stay_and_all_else_is_trained(source, trained):
    for old, new in zip(source[0], trained.weights, strict=True):
        assert not np.array_equal(old, new) and np.isfinite(new).all()
        if old.ndim == 4 and old.shape[-1] > 1:  # not depthwise
            np.testing.assert_array_equal(new[old == 0], 0)
            assert np.mean(new == 0) == pytest.approx(np.mean(old == 0), abs=0.01)
    assert len(trained.history["loss"]) == 2


@pytest.mark.slow
def test_the_trained_ranges_convert_to_pure_int8_without_rescaling(small_student, source, trained):
    tflite = convert_to_int8(trained.wrapped_weights, source[1], None)
    assert tflm_operators(tflite) == ("AVERAGE_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D", "RESHAPE")
    model = build_student(keras, **source[1])
    model.set_weights(trained.weights)
    noise = layer_noise(tflite, model, small_student.features)
    # Four steps on noise move the norms' averages far from the batches' that set the ranges.
    assert min(noise.values()) > 6 and noise["stem"] > 30


def test_a_norm_behind_a_dense_layer_is_refused_before_training(small_student):
    with pytest.raises(UserError, match=r"needs the convolution head.* Received: semantic"):
        train_quantised(
            small_student.model.get_weights(),
            small_student.arguments,
            batches(small_student.features),
            AdaptiveConfidenceSemantic(),
            small_student.features,
            steps_per_epoch=2,
            epochs=1,
            learning_rate=1e-3,
        )
