"""Own students: layers of a configuration, and the same net in Keras 3 and tf_keras."""

import json

import keras
import numpy as np
import pytest
import tf_keras

from data_prep.errors import UserError
from data_prep.records import record_from_json, record_to_json
from project import ROOT
from pskd_tf.models.architecture import SUPPORTED_LAYERS, build_architecture, read_architecture
from pskd_tf.student_settings import Architecture

SHAPE, CLASSES = (48, 1, 10), 4


def _read(model):
    return read_architecture(json.loads(model.to_json()), SHAPE)


def _branches():
    """Two branches of equal shapes, so that weights of one would fit the other."""
    layers = keras.layers
    inputs = layers.Input((48, 10))
    stem = layers.Conv1D(8, 3, padding="same", kernel_initializer="he_normal")(inputs)
    left = layers.Conv1D(8, 3, padding="same", name="left")(stem)
    right = layers.BatchNormalization()(layers.Conv1D(8, 3, padding="same")(stem))
    hidden = layers.ReLU()(layers.Add()([left, right]))
    embedding = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(inputs, layers.Dense(CLASSES)(layers.Dropout(0.5)(embedding)))


def test_layers_that_keras_named_have_the_same_names_each_time():
    first, second = _read(_branches()), _read(_branches())
    assert first == second
    assert [one.name for one in first.layers[:3]] == ["time_steps", "conv1d_1", "conv1d_2"]
    assert (first.logits, first.embedding) == ("logits", "dropout_1")
    assert first.layers[1].arguments["kernel_initializer"] == ["HeNormal", {}]
    assert record_from_json(Architecture, record_to_json(first)) == first


def test_the_twin_computes_what_the_keras_model_does():
    architecture = _read(_branches())
    model, twin = (
        build_architecture(one, architecture, input_shape=SHAPE, num_classes=CLASSES)
        for one in (keras, tf_keras)
    )
    generator = np.random.default_rng(0)
    weights = [generator.uniform(0.1, 1, one.shape) for one in model.get_weights()]
    model.set_weights(weights)
    twin.set_weights(weights)
    names = [[layer.name for layer in one.layers if layer.weights] for one in (model, twin)]
    assert names[0] == names[1]
    views = generator.normal(0, 1, (5, *SHAPE)).astype(np.float32)
    outputs = model(views, training=False), twin(views, training=False)
    for name, width in (("logits", CLASSES), ("embedding", 8)):
        first, second = (keras.ops.convert_to_numpy(one[name]) for one in outputs)
        assert first.shape == (5, width)
        np.testing.assert_allclose(first, second, rtol=1e-5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (
            lambda layers: [layers.LSTM(6), layers.Dense(4)],
            "UNIDIRECTIONAL_SEQUENCE_LSTM of it.* Received: LSTM in the layer lstm",
        ),
        (
            lambda layers: [layers.GRU(6, name="memory"), layers.Dense(4)],
            r"control flow \(WHILE\) of it.* Received: GRU in the layer memory",
        ),
        (
            lambda layers: [layers.LayerNormalization(name="norm"), layers.Dense(4)],
            "layers that TensorFlow Lite Micro runs .* Received: LayerNormalization .* norm",
        ),
        (
            lambda layers: [layers.Conv1D(4, 3, activation="gelu", name="stem"), layers.Dense(4)],
            "Activations .* are linear, relu.* Received: gelu, Conv1D in the layer stem",
        ),
        (
            lambda layers: [layers.Flatten(), layers.Dense(4, activation="softmax", name="out")],
            r"\(the last layer has none\). Received: softmax, Dense in the layer out",
        ),
        (
            lambda layers: [layers.Conv1D(10, 3, groups=2, name="stem"), layers.Flatten()],
            "has no groups. Received: 2, Conv1D in the layer stem",
        ),
        (
            lambda layers: [layers.Dense(4, kernel_regularizer="l2", name="out")],
            "has no kernel_regularizer. .* Dense in the layer out",
        ),
    ],
)
def test_what_no_board_would_run_is_refused_by_layer(layers, message):
    model = keras.Sequential([keras.layers.Input((48, 10)), *layers(keras.layers)])
    with pytest.raises(UserError, match=message):
        _read(model)


def test_other_inputs_and_outputs_are_refused():
    layers = keras.layers
    inputs = layers.Input((50, 10))
    with pytest.raises(UserError, match=r"reads \(48, 10\) or \(48, 1, 10\).* Received: \[50, 10"):
        _read(keras.Model(inputs, layers.Dense(4)(layers.Flatten()(inputs))))
    inputs = layers.Input((48, 10))
    architecture = _read(keras.Model(inputs, layers.Dense(4, name="each")(inputs)))
    with pytest.raises(UserError, match=r"logits must be \(batch, 4\). Received: \(None, 48, 4\)"):
        build_architecture(keras, architecture, input_shape=SHAPE, num_classes=CLASSES)
    shared = layers.Dense(10, name="twice")
    model = keras.Model(inputs, layers.Dense(4)(layers.Flatten()(shared(shared(inputs)))))
    with pytest.raises(UserError, match=r"called once. Received: layer twice, twice"):
        _read(model)
    with pytest.raises(UserError, match=r"functional or Sequential, .* Received: KeyError"):
        read_architecture({"class_name": "Sequential"}, SHAPE)


def test_the_documentation_lists_the_layers():
    text = (ROOT / "docs" / "own_student.md").read_text(encoding="utf-8")
    assert [name for name in SUPPORTED_LAYERS if f"`{name}`" not in text] == []
