"""The export folder: contents, round trips, determinism, refusals."""

import json
import re

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.files import file_sha256
from pskd_tf.evaluation.tflm import Int8Interface, clip_input, tflm_logits
from pskd_tf.export.headers import parse_c_array
from pskd_tf.export.student import export_student
from pskd_tf.input_settings import InputSettings


def _array(text, name, kind):
    body = re.search(rf"{name}\[\] = \{{([^}}]*)\}}", text).group(1)
    items = [item.strip().rstrip("f") for item in body.split(",") if item.strip()]
    return np.array(items, np.float64).astype(kind)


def _defined(text, name):
    return re.search(rf"#define {name} (.*)", text).group(1)


def test_manifest_holds_the_hash_of_every_other_file(exported):
    manifest = json.loads((exported / "manifest.json").read_text())
    assert sorted(manifest["files"]) == [
        "golden_vectors.h",
        "model_data.cc",
        "model_data.h",
        "model_settings.h",
        "op_resolver.h",
        "plain_model.c",
        "plain_model.h",
        "student_int8.tflite",
    ]
    assert {path.name for path in exported.iterdir()} == {*manifest["files"], "manifest.json"}
    for name, digest in manifest["files"].items():
        assert file_sha256(exported / name) == digest
    assert manifest["provenance"] == {"seed": 7}
    assert manifest["flatbuffer_bytes"] == (exported / "student_int8.tflite").stat().st_size


def test_same_arguments_give_the_same_bytes(exported, export_arguments, tmp_path):
    export_student(tmp_path / "again", **export_arguments)
    for path in exported.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_c_array_reads_back_to_the_flatbuffer(exported, int8_student):
    assert parse_c_array((exported / "model_data.cc").read_text()) == int8_student.tflite


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("0x1c,", "0x1cc,"), "written as 0x00 to 0xff. Received: 0x1cc"),
        (("length = ", "length = 1"), "pskd_model_data_length must be"),
        (("pskd_model_data[]", "other[]"), "must define pskd_model_data"),
    ],
)
def test_a_damaged_c_array_is_refused(exported, change, message):
    text = (exported / "model_data.cc").read_text()
    assert change[0] in text
    with pytest.raises(UserError, match=message):
        parse_c_array(text.replace(*change, 1))


def test_settings_hold_the_scales_to_the_bit(exported, int8_student):
    text = (exported / "model_settings.h").read_text()
    interface = Int8Interface.read(int8_student.tflite)
    for name, value in (
        ("PSKD_INPUT_SCALE", interface.input_scale),
        ("PSKD_OUTPUT_SCALE", interface.output_scale),
    ):
        assert np.float32(_defined(text, name).rstrip("f")) == np.float32(value)
    assert _defined(text, "PSKD_INPUT_ZERO_POINT") == f"({interface.input_zero_point})"
    assert _defined(text, "PSKD_OUTPUT_ZERO_POINT") == f"({interface.output_zero_point})"
    assert _defined(text, "PSKD_GRAVITY_TAPS") == "17"
    assert _defined(text, "PSKD_MAXIMUM_SAMPLES") == "326"
    assert _defined(text, "PSKD_CLIP_RATE_HZ") == "50.0f"
    measured = int(_defined(text, "PSKD_MEASURED_ARENA_BYTES"))
    reserved = int(_defined(text, "PSKD_ARENA_BYTES"))
    assert measured + 3072 <= reserved < measured + 4096 and reserved % 1024 == 0


def test_resolver_registers_the_five_operators_of_the_graph(exported):
    text = (exported / "op_resolver.h").read_text()
    assert "MicroMutableOpResolver<5>" in text
    assert re.findall(r"resolver->(\w+\(.*\)) !=", text) == [
        "AddAveragePool2D(tflite::Register_AVERAGE_POOL_2D_INT8())",
        "AddConv2D(tflite::Register_CONV_2D_INT8())",
        "AddDepthwiseConv2D(tflite::Register_DEPTHWISE_CONV_2D_INT8())",
        "AddFullyConnected(tflite::Register_FULLY_CONNECTED_INT8())",
        "AddReshape()",
    ]


def test_golden_vectors_follow_from_their_own_raw_samples(exported, int8_student):
    text = (exported / "golden_vectors.h").read_text()
    assert _defined(text, "PSKD_NUM_GOLDEN_VECTORS") == "32"
    interface = Int8Interface.read(int8_student.tflite)
    for number in range(32):
        samples = _array(text, f"pskd_golden_samples_{number}", np.float32).reshape(-1, 3)
        np.testing.assert_array_equal(samples, int8_student.clips[6 * number])
        expected = _array(text, f"pskd_golden_input_{number}", np.int8)
        quantised = clip_input(samples, InputSettings(), interface)
        np.testing.assert_array_equal(quantised.ravel(), expected)
        outputs, _ = tflm_logits(int8_student.tflite, quantised[None])
        np.testing.assert_array_equal(
            outputs[0], _array(text, f"pskd_golden_output_{number}", np.int8)
        )


def test_window_mode_writes_rate_length_and_hop(export_arguments, tmp_path):
    arguments = export_arguments | {"input_settings": InputSettings(mode="window", window_hop=48)}
    export_student(tmp_path / "window", **arguments)
    text = (tmp_path / "window" / "model_settings.h").read_text()
    assert _defined(text, "PSKD_CLIP_MODE") == "0"
    assert _defined(text, "PSKD_WINDOW_RATE_HZ") == "50.0f"
    assert _defined(text, "PSKD_WINDOW_SAMPLES") == "96"
    assert _defined(text, "PSKD_WINDOW_HOP") == "48"
    assert "PSKD_MAXIMUM_SAMPLES" not in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"class_names": ["a"]}, "27 outputs need as many labels. Received: 1"),
        ({"segment_limits": (1, 9)}, r"2 <= shortest <= longest. Received: \(1, 9\)"),
        ({"segment_limits": (9, 8)}, "2 <= shortest <= longest"),
        ({"golden_clips": []}, "needs at least one golden clip. Received: none"),
        ({"golden_clips": [("c", np.zeros((5, 2)))] * 32}, r"length at least 2.*\(5, 2\).*c\)"),
        ({"golden_clips": [("c", np.full((5, 3), np.nan))] * 32}, "must be finite"),
        ({"input_settings": InputSettings(steps=48)}, r"model's input \(96, 1, 10\)"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_and_nothing_is_written(
    export_arguments, tmp_path, change, message
):
    with pytest.raises(UserError, match=message):
        export_student(tmp_path / "export", **(export_arguments | change))
    assert list(tmp_path.iterdir()) == []
