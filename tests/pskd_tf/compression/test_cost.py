"""The cost of a model, and refusals beyond the limits of a board."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.compression.cost import SafetyLimits, count_macs, planned_bytes
from pskd_tf.compression.twin import quantised_twin
from pskd_tf.evaluation.layers import layer_noise
from pskd_tf.evaluation.tflm import check_fixed_shapes
from pskd_tf.models.registry import build_student
from pskd_tf.models.students import accelerometer_student


def test_student_by_hand_in_both_kerases():
    stem = 48 * 7 * 10 * 24
    block1 = 24 * 7 * 24 + 24 * 24 * 48
    block2 = 24 * 7 * 48 + 24 * 48 * 64
    block3 = 12 * 7 * 64 + 12 * 64 * 64
    dense = 3 * 64 * 64 + 64 * 27
    for module in (keras, tf_keras):
        model = accelerometer_student(module, input_shape=(96, 1, 10), num_classes=27)
        assert count_macs(model) == stem + block1 + block2 + block3 + dense == 262_656


def test_dense_on_a_sequence_counts_every_step():
    inputs = keras.Input((5, 3))
    assert count_macs(keras.Model(inputs, keras.layers.Dense(4)(inputs))) == 5 * 3 * 4


# Widths of the student's blocks and embedding, and the arena's head that was measured.
MEASURED = [
    ((24, 48, 64, 64, 64), 2688),
    ((24, 24, 32, 32, 32), 2112),
    ((12, 24, 32, 32, 32), 1536),
    ((8, 12, 16, 16, 16), 1344),
    ((13, 23, 31, 33, 37), 1584),
    ((12, 30, 30, 24, 34), 1824),  # a gap that nothing fits
    ((14, 30, 28, 24, 34), 1632),  # of equals the last comes first
    ((8, 40, 24, 62, 64), 1920),
    ((6, 40, 62, 8, 64), 2448),
]


@pytest.mark.parametrize(("widths", "head"), MEASURED)
def test_the_plan_is_the_interpreter_s(widths, head):
    stem, first, second, third, embedding = widths
    values = [96 * 10, 48 * stem, 24 * stem, 24 * first, 24 * first, 24 * second, 12 * second]
    values += [12 * third, 3 * third, embedding, 27]
    assert planned_bytes([-(-size // 16) * 16 for size in values]) == head


def test_neighbours_never_share_and_others_do():
    assert planned_bytes([100, 100]) == 200
    assert planned_bytes([100, 10, 100, 10]) == 110


@pytest.mark.slow
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
