"""Each refusal of the conversion's safety, provoked; crashes and time-outs: see the conversion."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.compression.cost import SafetyLimits
from pskd_tf.compression.twin import quantised_twin
from pskd_tf.evaluation.layers import layer_noise
from pskd_tf.evaluation.tflm import check_fixed_shapes
from pskd_tf.models.registry import build_student


def test_an_operator_in_float_is_refused(small_student):
    """TFMOT leaves the norm behind the dense layer in float; the board has no such kernel."""
    wrapped = quantised_twin(small_student.model.get_weights(), small_student.arguments)
    with pytest.raises(
        UserError, match=r"int8 kernel in TensorFlow Lite Micro\. Received: DEQUANTIZE"
    ):
        convert_to_int8(wrapped.get_weights(), small_student.arguments, None)


def test_a_batch_of_any_size_is_refused(small_student):
    inputs = tf_keras.Input((4,))
    model = tf_keras.Model(inputs, tf_keras.layers.Dense(2)(inputs))
    tflite = tf.lite.TFLiteConverter.from_keras_model(model).convert()
    with pytest.raises(UserError, match=r"needs a fixed shape.* Received: \[-1, 4\]"):
        check_fixed_shapes(tflite)
    check_fixed_shapes(small_student.tflite)


def test_a_noisy_layer_is_refused_by_name(small_student):
    noise = layer_noise(small_student.tflite, small_student.model, small_student.features)
    SafetyLimits().check_noise(noise)
    other = build_student(keras, **small_student.arguments)
    weights = small_student.model.get_weights()
    other.set_weights([*weights[:-2], -weights[-2], weights[-1]])  # another classifier
    wrong = layer_noise(small_student.tflite, other, small_student.features)
    with pytest.raises(UserError, match=r"signal to noise of 10 dB\. Received: .* in layer logits"):
        SafetyLimits().check_noise(wrong)


def test_too_many_other_classes_are_refused():
    floats = np.arange(1000) % 7
    ints = floats.copy()
    ints[:30] += 1
    assert SafetyLimits().check_agreement(floats, ints) == 0.97
    ints[30] += 1
    with pytest.raises(UserError, match=r"97 % of the clips of all.*Received: 96\.9 %"):
        SafetyLimits().check_agreement(floats, ints)


def test_a_graph_of_another_net_has_no_noise_to_measure(small_student):
    other = build_student(keras, "ign_student", input_shape=(24, 1, 10), num_classes=5)
    with pytest.raises(UserError, match=r"must hold the model's layers \(CONV_2D, MAX_POOL_2D"):
        layer_noise(small_student.tflite, other, small_student.features)
