"""Files of different models, and changed settings: refused by the compiler or at the start."""

import re
import shutil
import subprocess

import pytest

from data_prep.errors import UserError
from data_prep.files import file_sha256
from project import MICROCONTROLLER
from pskd_tf.data.fixed_features import FixedFeatures
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.fixed_point import fixed_settings_header
from pskd_tf.export.headers import model_id
from pskd_tf.exported import Export

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
    _change(settings, "#define PSKD_EXPORTED_SETTINGS .*\n", "")
    manifest.write_text(manifest.read_text().replace(before, file_sha256(settings)))
    with pytest.raises(UserError, match=r"run its pskd_tf\.train again.* no PSKD_EXPORTED_"):
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


# What is edited, and what becomes of it; the last field: whether the CRC-32 at the start has it.
EDITS = {
    "input scale": (r"(define PSKD_INPUT_SCALE) .*", r"\1 0.03125f", True),
    "output scale": (r"(define PSKD_OUTPUT_SCALE) .*", r"\1 0.25f", True),
    "zero point": (r"(define PSKD_OUTPUT_ZERO_POINT) .*", r"\1 (3)", True),
    "gravity": (r"(define PSKD_GRAVITY_TAPS) .*", r"\1 15", True),
    "label": ('"class_3"', '"class_4"', True),
    "label's case": ('"class_3"', '"Class_3"', True),
    "class order": (r'("class_3"), \\\n +("class_4")', r"\2, \1", True),
    "label removed": (r'"class_3", \\\n', r"\\\n", True),
    "number of classes": (r"(define PSKD_NUM_CLASSES) .*", r"\1 28", True),
    "clip length": (r"(define PSKD_MAXIMUM_SAMPLES) .*", r"\1 300", False),
    "shortest clip": (r"(define PSKD_MINIMUM_SAMPLES) .*", r"\1 10", False),
    "rate": (r"(define PSKD_CLIP_RATE_HZ) .*", r"\1 100.0f", True),
}


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_by_hand_does_not_compile(exported, compile_with, tmp_path, compiler, edit):
    settings = tmp_path / "model_settings.h"
    shutil.copy(exported / "model_settings.h", settings)
    command = (compiler, "-std=c99", "-Wpedantic", "-fsyntax-only", "-I", tmp_path)
    source = MICROCONTROLLER / "src" / "model_identity.c"
    compile_with(*command, source)
    _change(settings, *EDITS[edit][:2])
    with pytest.raises(AssertionError, match="model_settings_h_was_changed_export_the_run_again"):
        compile_with(*command, source)


@pytest.mark.parametrize("name", ["STEP_MULTIPLIER", "SAMPLE_SHIFT", "GRAVITY_MULTIPLIER"])
def test_an_edit_of_the_fixed_point_does_not_compile(exported, compile_with, tmp_path, name):
    manifest = Export.read(exported).manifest
    arithmetic = FixedFeatures.of(manifest.inputs, 0.03125, 3)
    text = fixed_settings_header((exported / "model_settings.h").read_text(), arithmetic)
    (tmp_path / "model_settings.h").write_text(text)
    command = ("gcc", "-std=c99", "-fsyntax-only", "-I", tmp_path)
    source = MICROCONTROLLER / "src" / "model_identity.c"
    compile_with(*command, source)
    _change(tmp_path / "model_settings.h", rf"(define PSKD_{name}) .*", r"\1 17")
    with pytest.raises(AssertionError, match="model_settings_h_was_changed_export_the_run_again"):
        compile_with(*command, source)


@pytest.fixture(scope="module")
def identity(make_project, compile_with, tmp_path_factory):
    """Compiles the check at the start alone, as a compiler without the other one; runs it."""
    sources = make_project("cmake") / "src"
    _change(sources / "model_identity.h", "#ifdef __GNUC__", "#if 0")
    exported_settings = (sources / "model_settings.h").read_text()
    folder = tmp_path_factory.mktemp("identity")
    (folder / "main.c").write_text(
        '#include "model_identity.h"\n'
        "int main(void) { return pskd_settings_are_of(PSKD_MODEL_ID); }\n"
    )

    def are_of(pattern, replacement):
        (sources / "model_settings.h").write_text(exported_settings)
        _change(sources / "model_settings.h", pattern, replacement)
        program = folder / "program"
        # One class more leaves a label that is NULL, as one label less does.
        files = (folder / "main.c", sources / "model_identity.c")
        compile_with("gcc", "-std=c99", "-I", sources, *files, "-o", program)
        return subprocess.run([program]).returncode

    return are_of


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_found_at_the_start(identity, edit):
    pattern, replacement, is_found = EDITS[edit]
    assert identity(pattern, replacement) == (not is_found)


@pytest.mark.parametrize(
    ("file", "pattern", "replacement"),
    [
        ("model_settings.h", '"class_3"', '"class_4"'),
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
    _change(sources / "model_identity.h", "#ifdef __GNUC__", "#if 0")
    _change(sources / file, pattern, replacement)
    program = tmp_path / "host"
    compile_with("gcc", "-std=c99", "-O1", *sources.glob("*.c"), "-o", program, "-lm")
    text = "".join(f"{20_000 * n},{x},{y},{z}\n" for n, (x, y, z) in enumerate(recording))
    finished = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
    lines = finished.stdout.splitlines()
    assert lines[1] == "status,0,model_failed,8"
    said = [line.split(",")[2] for line in lines if line.startswith("activity")]
    assert len(said) >= 4 and set(said) <= {"-1", "-2"}


def test_the_arena_may_be_changed(make_project, compile_with, tmp_path):
    """No decision depends on it: the program starts."""
    sources = make_project("cmake") / "src"
    _change(sources / "model_settings.h", r"(define PSKD_ARENA_BYTES) .*", r"\1 20000")
    program = tmp_path / "host"
    compile_with("gcc", "-std=c99", *sources.glob("*.c"), "-o", program, "-lm")
    finished = subprocess.run([program], input="", capture_output=True, text=True, check=True)
    assert "model_started,0" in finished.stdout
