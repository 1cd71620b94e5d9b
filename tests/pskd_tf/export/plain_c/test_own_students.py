"""Own students from Keras to C: plain C gives the bytes of TensorFlow Lite Micro."""

import json

import keras
import numpy as np
import pytest

import my_students
from data_prep.errors import UserError
from data_prep.records import record_to_json
from pskd_tf.compression.convert import convert_to_int8
from pskd_tf.device.recognizer import ExportedModel
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits, tflm_operators
from pskd_tf.export.student import export_student
from pskd_tf.exported import Export
from pskd_tf.input_settings import InputSettings
from pskd_tf.models.architecture import SUPPORTED_LAYERS, build_architecture, read_architecture

SHAPE, CLASSES = (48, 1, 10), 5
# What is special in each one's flatbuffer.
OPERATORS = {
    "conv1d": {"CONV_2D", "TANH"},
    "max_pool": {"MAX_POOL_2D", "TANH"},
    "global_average": {"DEPTHWISE_CONV_2D", "MEAN"},
    "dilated": {"PAD", "MEAN"},
    "residual": {"ADD", "MEAN"},
    "two_dimensions": {"AVERAGE_POOL_2D", "MAX_POOL_2D", "REDUCE_MAX"},
    "branches": {"CONCATENATION", "LOGISTIC", "REDUCE_MAX"},
}


def _architecture(name):
    model = getattr(my_students, name)(keras, input_shape=SHAPE, num_classes=CLASSES)
    return read_architecture(json.loads(model.to_json()), SHAPE)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATORS)
def test_from_keras_to_c(name, run_plain, tmp_path, export_arguments):
    architecture = _architecture(name)
    keras.utils.set_random_seed(1)
    model = build_architecture(keras, architecture, input_shape=SHAPE, num_classes=CLASSES)
    arguments = {
        "model": "own_student",
        "input_shape": list(SHAPE),
        "num_classes": CLASSES,
        "architecture": record_to_json(architecture),
    }
    clips = np.random.default_rng(0).normal(0, 1, (64, *SHAPE)).astype(np.float32)
    tflite = convert_to_int8(model.get_weights(), arguments, clips)
    assert OPERATORS[name] <= set(tflm_operators(tflite))
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(clips, interface.input_scale, interface.input_zero_point)
    logits = tflm_logits(tflite, quantised)[1]
    expected = keras.ops.convert_to_numpy(model(clips, training=False)["logits"])
    assert np.abs(logits - expected).max() < 0.15 * np.ptp(expected)
    inputs = np.random.default_rng(1).integers(-128, 128, (300, *SHAPE), np.int8)
    if name == "branches":
        names = export_arguments["class_names"][:CLASSES]
        of_shape = {"input_settings": InputSettings(steps=SHAPE[0]), "class_names": names}
        arguments = export_arguments | of_shape | {"tflite": tflite}
        manifest = export_student(tmp_path / "export", **arguments)
        assert manifest.no_plain_c.endswith("LOGISTIC 10, which is none of them")
        assert "model_data.cc" in manifest.files and "plain_model.c" not in manifest.files
        with pytest.raises(
            UserError, match=r"no plain C, .* \(boards: --runtime=tflm\)\. .* LOGISTIC"
        ):
            ExportedModel.of(Export.read(tmp_path / "export"))
        return
    bytes_of_tflm = tflm_logits(tflite, inputs)[0]
    for kernel in ("portable", "dsp", "helium"):
        np.testing.assert_array_equal(run_plain(tflite, inputs, kernel), bytes_of_tflm, kernel)
    assert len(np.unique(bytes_of_tflm)) > 30


def test_every_supported_layer_is_in_one_of_them():
    found = {layer.kind for name in OPERATORS for layer in _architecture(name).layers}
    assert found == set(SUPPORTED_LAYERS)
