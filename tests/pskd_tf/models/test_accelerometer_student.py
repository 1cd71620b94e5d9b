"""The student: what a board can run, in both Keras versions, and in a file."""

import keras
import numpy as np
import pytest
import tf_keras

from pskd_tf.models.students import accelerometer_student

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
