"""ST's two nets: their layers as published, their outputs, and their way to the board."""

import keras
import numpy as np
import pytest
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits, tflm_operators
from pskd_tf.models.registry import STREAMS_READ, build_model, build_student

NAMES = ("ign_student", "gmp_student")
EMBEDDINGS = {"ign_student": 12, "gmp_student": 16}
# By hand: conv 16 x 10 x 24 + 24, dense 27 x 24 x 12 + 12, dense 12 x 27 + 27; and norm 4 x 10,
# conv 5 x 10 x 16 + 16, norm 4 x 16, conv 5 x 16 x 16 + 16, dense 16 x 27 + 27.
PARAMETERS = {"ign_student": 3864 + 7788 + 351, "gmp_student": 40 + 816 + 64 + 1296 + 459}
# What ST's own README states for 24 samples of one raw channel at 4 classes (3 axes share it).
GMP_OF_ST = 1528


@pytest.fixture(scope="module", params=NAMES)
def student(request) -> keras.Model:
    """A student whose every weight, norm statistics included, differs from its first value."""
    keras.utils.set_random_seed(0)
    model = build_model(
        request.param, accelerometer_shape=(96, 1, 10), skeleton_shape=(48, 180), num_classes=27
    )
    generator = np.random.default_rng(0)
    model.set_weights(
        [
            (weight + generator.uniform(0.0, 0.1, weight.shape)).astype(np.float32)
            for weight in model.get_weights()
        ]
    )
    return model


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(24, 96, 1, 10)).astype(np.float32)


def test_the_size_and_the_outputs_are_those_counted_by_hand(student, batch):
    outputs = student(batch, training=False)
    assert student.count_params() == PARAMETERS[student.name]
    assert {key: tuple(value.shape) for key, value in outputs.items()} == {
        "logits": (24, 27),
        "embedding": (24, EMBEDDINGS[student.name]),
    }
    assert STREAMS_READ[student.name] == ("accelerometer",)
    kernel, bias = student.get_layer("logits").get_weights()
    expected = np.asarray(outputs["embedding"]) @ kernel + bias
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)


def test_on_st_s_input_the_gmp_net_has_st_s_number_of_parameters():
    model = build_student(keras, "gmp_student", input_shape=(24, 1, 1), num_classes=4)
    assert model.count_params() == GMP_OF_ST


def test_the_gmp_net_s_features_are_the_maxima_over_time(batch):
    model = build_student(keras, "gmp_student", input_shape=(96, 1, 10), num_classes=27)
    before = keras.Model(model.input, model.get_layer("block1").output)(batch)
    embedding = model(batch, training=False)["embedding"]
    np.testing.assert_array_equal(embedding, np.asarray(before).max(axis=(1, 2)))


def test_the_tf_keras_twin_gives_the_same_outputs(student, batch):
    arguments = {"input_shape": [96, 1, 10], "num_classes": 27}
    twin = build_student(tf_keras, student.name, **arguments)
    twin.set_weights(student.get_weights())
    ours, theirs = student(batch, training=False), twin(batch, training=False)
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-4, rtol=1e-5)


def test_int8_agrees_with_the_float_net_on_operators_of_the_board(student, batch):
    arguments = {"model": student.name, "input_shape": [96, 1, 10], "num_classes": 27}
    tflite = convert_to_int8(student.get_weights(), arguments, batch)
    pools = {name for name in tflm_operators(tflite) if "POOL" in name}
    assert pools == {"MAX_POOL_2D"}
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(batch, interface.input_scale, interface.input_zero_point)
    logits = tflm_logits(tflite, quantised)[1]
    expected = np.asarray(student(batch, training=False)["logits"])
    assert np.abs(logits - expected).mean() < 0.03 * np.ptp(expected)


def test_an_unknown_student_is_named():
    with pytest.raises(UserError, match=r"gmp_student\. Received: nobody"):
        build_student(keras, "nobody")
