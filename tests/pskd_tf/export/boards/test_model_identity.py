"""Files of different models, and changed settings: refused by the compiler or at the start."""

import re
import shutil
import subprocess

import pytest

from data_prep.errors import UserError
from data_prep.files import file_sha256
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.headers import model_id

OTHER = "0x01234567u"


def _change(path, pattern, replacement):
    text = path.read_text()
    changed = re.sub(pattern, replacement, text, count=1)
    assert changed != text, pattern
    path.write_text(changed)


def test_every_generated_file_bears_the_models_identity(exported, int8_student):
    expected = f"0x{model_id(int8_student.tflite):08x}u"
    for name, count in {
        "model_settings.h": 1,
        "model_data.h": 1,
        "model_data.cc": 2,
        "op_resolver.h": 1,
        "golden_vectors.h": 1,
        "plain_model.h": 1,
        "plain_model.c": 2,
    }.items():
        found = re.findall(r"_(?:ID|id)\b.* (0x\w{8}u)", (exported / name).read_text())
        assert found == [expected] * count, name


def test_an_export_of_an_older_version_is_refused(exported, tmp_path):
    folder = tmp_path / "run" / "export"
    shutil.copytree(exported, folder)
    settings, manifest = folder / "model_settings.h", folder / "manifest.json"
    before = file_sha256(settings)
    _change(settings, "#define PSKD_MODEL_ID .*\n", "")
    manifest.write_text(manifest.read_text().replace(before, file_sha256(settings)))
    with pytest.raises(UserError, match=r"run its pskd_tf\.train again.* no PSKD_MODEL_ID"):
        board_project(
            tmp_path / "run",
            BOARD_TARGETS["cmake"],
            "one",
            runtime="plain_c",
            axes=AxisMap(),
            settings=RecognizerSettings(),
        )


@pytest.mark.parametrize(
    ("runtime", "file", "source"),
    [
        ("plain_c", "plain_model.h", "activity_classifier_plain.c"),
        ("plain_c", "plain_model.h", "plain_model.c"),
        ("plain_c", "golden_vectors.h", "self_test.c"),
        ("tflm", "model_data.h", "activity_classifier_tflm.cpp"),
        ("tflm", "op_resolver.h", "activity_classifier_tflm.cpp"),
        ("tflm", "model_data.h", "model_data.cpp"),
        ("tflm", "model_settings.h", "activity_classifier_tflm.cpp"),
    ],
)
def test_a_file_of_another_model_does_not_compile(
    make_project, compile_with, stubs, runtime, file, source
):
    sources = make_project("cmake", runtime) / "src"
    program = ("g++", "-std=c++17") if source.endswith(".cpp") else ("gcc", "-std=c99")
    command = (*program, "-fsyntax-only", "-DPSKD_SELF_TEST=1", "-isystem", stubs / "tflite_micro")
    compile_with(*command, sources / source)
    _change(sources / file, r"_ID 0x\w{8}u", f"_ID {OTHER}")
    with pytest.raises(AssertionError, match=r"#error .* are of different models"):
        compile_with(*command, sources / source)


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("model_settings.h", r"INPUT_SCALE .*", "INPUT_SCALE 0.03125f"),
        ("model_settings.h", r"OUTPUT_ZERO_POINT .*", "OUTPUT_ZERO_POINT (3)"),
        ("model_settings.h", r"GRAVITY_TAPS .*", "GRAVITY_TAPS 15"),
        ("model_settings.h", r'"class_3"', '"class_4"'),
        ("model_settings.h", r"SETTINGS_CRC .*", "SETTINGS_CRC 0u"),
        # As an object file that is older than the sources.
        ("plain_model.c", r"(pskd_plain_model_id = )0x\w{8}u", rf"\g<1>{OTHER}"),
    ],
)
def test_changed_settings_are_refused_at_the_start(
    make_project, compile_with, recording, tmp_path, file, pattern, replacement
):
    """The board says so, and decides nothing but unknown."""
    sources = make_project("cmake", threshold=0.3) / "src"
    _change(sources / file, pattern, replacement)
    program = tmp_path / "host"
    compile_with("gcc", "-std=c99", "-O1", *sources.glob("*.c"), "-o", program, "-lm")
    text = "".join(f"{20_000 * n},{x},{y},{z}\n" for n, (x, y, z) in enumerate(recording))
    finished = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    lines = finished.stdout.splitlines()
    assert lines[1] == "status,0,model_failed,8"
    said = [line.split(",")[2] for line in lines if line.startswith("activity")]
    assert len(said) >= 4 and set(said) <= {"-1", "-2"}


def test_the_arena_and_the_mode_may_be_changed(make_project, compile_with, recording, tmp_path):
    """What no model depends on: the program starts."""
    sources = make_project("cmake") / "src"
    _change(sources / "model_settings.h", r"ARENA_BYTES .*", "ARENA_BYTES 20000")
    _change(sources / "model_settings.h", r"MAXIMUM_SAMPLES .*", "MAXIMUM_SAMPLES 300")
    program = tmp_path / "host"
    compile_with("gcc", "-std=c99", *sources.glob("*.c"), "-o", program, "-lm")
    finished = subprocess.run([program], input="", capture_output=True, text=True, check=True)
    assert "model_started,0" in finished.stdout
