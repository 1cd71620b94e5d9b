"""Students: shapes, parameters, and layers that a board can run."""

import keras
import numpy as np
import pytest
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits, tflm_operators
from pskd_tf.models.registry import build_model, build_student
from pskd_tf.models.students import accelerometer_student
from pskd_tf.settings import STREAMS_READ

# Layers that convert to operators with an int8 kernel in TensorFlow Lite Micro (or, BatchNorm and
# Dropout, to none).
ALLOWED_LAYERS = {
    "InputLayer",
    "Conv2D",
    "DepthwiseConv2D",
    "BatchNormalization",
    "ReLU",
    "AveragePooling2D",
    "Flatten",
    "Dense",
    "Dropout",
}


@pytest.fixture(scope="module")
def student() -> keras.Model:
    """A student whose every weight, norm statistics included, differs from its first value."""
    keras.utils.set_random_seed(0)
    model = accelerometer_student(keras, input_shape=(96, 1, 10), num_classes=27)
    generator = np.random.default_rng(0)
    model.set_weights(
        [
            (weight + generator.uniform(0.0, 0.2, weight.shape)).astype(np.float32)
            for weight in model.get_weights()
        ]
    )
    return model


@pytest.fixture(scope="module")
def batch() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(4, 96, 1, 10)).astype(np.float32)


def test_at_most_26_000_trainable_parameters_for_27_classes(student):
    assert sum(int(np.prod(variable.shape)) for variable in student.trainable_variables) <= 26_000


def test_only_layers_that_the_board_can_run(student):
    assert {type(layer).__name__ for layer in student.layers} == ALLOWED_LAYERS
    for layer in student.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            assert layer.kernel_size[1] == 1 and layer.activation is keras.activations.linear


def test_time_shrinks_to_three_segments_of_the_clip(student):
    shapes = {layer.name: layer.output.shape[1:] for layer in student.layers if layer.name}
    assert shapes["stem"] == (48, 1, 24)
    assert shapes["block1_point"] == (24, 1, 48)
    assert shapes["block2_point"] == (24, 1, 64)
    assert shapes["block3_point"] == (12, 1, 64)
    assert shapes["segments"] == (3, 1, 64)


def test_the_tf_keras_twin_with_the_same_weights_gives_the_same_outputs(student, batch):
    twin = accelerometer_student(tf_keras, input_shape=(96, 1, 10), num_classes=27)
    assert [layer.name for layer in twin.layers] == [layer.name for layer in student.layers]
    twin.set_weights(student.get_weights())
    ours, theirs = student(batch, training=False), twin(batch, training=False)
    assert set(ours) == set(theirs)
    for name in ours:
        scale = max(1.0, np.abs(ours[name]).max())
        assert np.abs(np.asarray(ours[name]) - np.asarray(theirs[name])).max() < 1e-5 * scale


def test_a_file_keeps_the_outputs(student, batch, tmp_path):
    student.save(tmp_path / "student.keras")
    loaded = keras.saving.load_model(tmp_path / "student.keras")
    before, after = student(batch, training=False), loaded(batch, training=False)
    for name in before:
        np.testing.assert_array_equal(before[name], after[name])


def test_the_builder_s_arguments_reach_the_layers():
    model = accelerometer_student(
        keras,
        input_shape=(48, 1, 3),
        num_classes=5,
        embedding_width=7,
        widths=(2, 3, 4, 6),
        dropout=0.4,
        segments=2,
    )
    assert model.output["logits"].shape == (None, 5)
    assert model.output["embedding"].shape == (None, 7)
    assert model.get_layer("segments").output.shape == (None, 2, 1, 6)
    assert model.get_layer("dropout").rate == 0.4


NAMES = ("ign_student", "gmp_student")
EMBEDDINGS = {"ign_student": 12, "gmp_student": 16}
# By hand: conv 16 x 10 x 24 + 24, dense 27 x 24 x 12 + 12, dense 12 x 27 + 27; and norm 4 x 10,
# conv 5 x 10 x 16 + 16, norm 4 x 16, conv 5 x 16 x 16 + 16, dense 16 x 27 + 27.
PARAMETERS = {"ign_student": 3864 + 7788 + 351, "gmp_student": 40 + 816 + 64 + 1296 + 459}
# What ST's own README states for 24 samples of one raw channel at 4 classes (3 axes share it).
GMP_OF_ST = 1528


@pytest.fixture(scope="module", params=NAMES)
def neighbour(request) -> keras.Model:
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
def neighbour_batch() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(24, 96, 1, 10)).astype(np.float32)


def test_the_size_and_the_outputs_are_those_counted_by_hand(neighbour, neighbour_batch):
    outputs = neighbour(neighbour_batch, training=False)
    assert neighbour.count_params() == PARAMETERS[neighbour.name]
    assert {key: tuple(value.shape) for key, value in outputs.items()} == {
        "logits": (24, 27),
        "embedding": (24, EMBEDDINGS[neighbour.name]),
    }
    assert STREAMS_READ[neighbour.name] == ("accelerometer",)
    kernel, bias = neighbour.get_layer("logits").get_weights()
    expected = np.asarray(outputs["embedding"]) @ kernel + bias
    np.testing.assert_allclose(outputs["logits"], expected, atol=1e-4)


def test_on_st_s_input_the_gmp_net_has_st_s_number_of_parameters():
    model = build_student(keras, "gmp_student", input_shape=(24, 1, 1), num_classes=4)
    assert model.count_params() == GMP_OF_ST


def test_the_gmp_net_s_features_are_the_maxima_over_time(neighbour_batch):
    model = build_student(keras, "gmp_student", input_shape=(96, 1, 10), num_classes=27)
    before = keras.Model(model.input, model.get_layer("block1").output)(neighbour_batch)
    embedding = model(neighbour_batch, training=False)["embedding"]
    np.testing.assert_array_equal(embedding, np.asarray(before).max(axis=(1, 2)))


def test_the_tf_keras_twin_gives_the_same_outputs(neighbour, neighbour_batch):
    arguments = {"input_shape": [96, 1, 10], "num_classes": 27}
    twin = build_student(tf_keras, neighbour.name, **arguments)
    twin.set_weights(neighbour.get_weights())
    ours, theirs = (
        neighbour(neighbour_batch, training=False),
        twin(neighbour_batch, training=False),
    )
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], atol=1e-4, rtol=1e-5)


def test_int8_agrees_with_the_float_net_on_operators_of_the_board(neighbour, neighbour_batch):
    arguments = {
        "model": neighbour.name,
        "input_shape": [96, 1, 10],
        "num_classes": 27,
    }
    tflite = convert_to_int8(neighbour.get_weights(), arguments, neighbour_batch)
    pools = {name for name in tflm_operators(tflite) if "POOL" in name}
    assert pools == {"MAX_POOL_2D"}
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(neighbour_batch, interface.input_scale, interface.input_zero_point)
    logits = tflm_logits(tflite, quantised)[1]
    expected = np.asarray(neighbour(neighbour_batch, training=False)["logits"])
    assert np.abs(logits - expected).mean() < 0.03 * np.ptp(expected)


def test_an_unknown_student_is_named():
    with pytest.raises(UserError, match=r"gmp_student\. Received: nobody"):
        build_student(keras, "nobody")
