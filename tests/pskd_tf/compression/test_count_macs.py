"""Multiply-accumulates against counts by hand."""

import keras
import tf_keras

from pskd_tf.compression.cost import count_macs
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
