"""A streamed recording on emulated cores: what they print is what Python says, line for line."""

import dataclasses
import shutil
import statistics
from runpy import run_path

import numpy as np
import pytest

from data_prep.prepared_set import PreparedSet
from firmware import CORES, RISCV, in_window_mode, make_reports
from project import MICROCONTROLLER, run_command
from pskd_tf.device.firmware import compile_core, core_lines, recording_file, run_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import Recording, joined_clips
from pskd_tf.stream_settings import DetectorSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def inputs(tiny_run, tmp_path_factory):
    """A run's plain C and its recording, written by the commands that `make firmware` calls."""
    folder = tmp_path_factory.mktemp("stream")
    for module, name, options in (
        ("pskd_tf.develop.plain_c", "model", ["--random_inputs=1"]),
        ("pskd_tf.develop.firmware_recording", "stream", []),
    ):
        flags = (f"--run_dir={tiny_run}", f"--out={folder / name}", *options)
        finished = run_command(module, *flags)
        assert finished.returncode == 0, finished.stderr
    return folder


@pytest.fixture(scope="module", params=["clip", "window"])
def with_none(request, inputs, tiny_run, tmp_path_factory):
    """The same plain C with its last class declared to be "none", and a wrist that trembles.

    In window mode it has windows of 96 samples at 25 Hz, of a sensor with 50 Hz.
    """
    if shutil.which("cc") is None:
        pytest.skip("cc is not installed")
    folder = tmp_path_factory.mktemp("none")
    shutil.copytree(inputs / "model", folder / "model")
    whole = ExportedModel.read(tiny_run)
    null_class = len(whole.class_names) - 1
    header = folder / "model" / "model_settings.h"
    text = header.read_text()
    if request.param == "window":
        text = in_window_mode(text, hop=12, rate_hz=25)
    header.write_text(f"#define PSKD_NULL_CLASS {null_class}\n{text}")
    model = dataclasses.replace(
        whole,
        folder=folder / "model",
        class_names=whole.class_names[:-1],
        clip_mode=request.param == "clip",
        window_seconds=0.0 if request.param == "clip" else 95 / 25,
        null_class=null_class,
    )
    prepared = PreparedSet.load(tiny_run / "prepared")
    joined, _ = joined_clips(prepared, model.test_clips, 20)
    tremor = np.random.default_rng(0).normal(0, 0.03, joined.samples.shape)
    recording = Recording(joined.times, (joined.samples + tremor).astype(np.float32))
    detector = DetectorSettings(start_g=0.15, gravity_weight=0.1, lead_samples=5, rest_samples=15)
    settings = RecognizerSettings.of(detector, request.param)
    settings = dataclasses.replace(settings, threshold=0.0)
    program = compile_core(model, folder / "host")
    scores = [one.confidence for one in run_core(program, model, recording, settings)]
    settings = dataclasses.replace(settings, threshold=statistics.median(scores), class_floor=0.2)
    (folder / "stream").mkdir()
    (folder / "stream" / "recording").write_bytes(recording_file(recording, settings))
    text = "".join(f"{line}\n" for line in core_lines(program, recording, settings))
    (folder / "stream" / f"decisions-{request.param}.txt").write_text(text)
    return request.param, folder


@pytest.fixture
def make(inputs):
    """Asks for a report; returns the finished process and the report's path."""

    def run(build, name, stream=inputs / "stream", model=inputs / "model"):
        report = build / f"{name}.txt"
        settings = {"FIRMWARE_MODEL": model, "FIRMWARE_STREAM": stream}
        return make_reports(report, **settings), report

    return run


def _lines(report):
    lines = report.read_text().splitlines()
    said = [line for line in lines if line.startswith(("lost ", "decided "))]
    return said, {name: int(value) for name, value in map(str.split, lines[len(said) :])}


@pytest.mark.parametrize("core", [*CORES, *RISCV])
def test_each_core_says_what_python_says(make, inputs, tmp_path, core):
    """Its own mode with one kernel, the other mode with the other; stack, heap and RAM."""
    most_stack, most_instructions = (400, 3_000) if core == "rv32imac" else (250, 500)
    section_sizes = run_path(str(MICROCONTROLLER / "firmware/on_device_table.py"))["section_sizes"]
    for mode, kernel in (("clip", "portable" if core in RISCV else "dsp"), ("window", "portable")):
        finished, report = make(tmp_path, f"{core}-{kernel}-stream-{mode}")
        assert finished.returncode == 0, finished.stderr
        said, values = _lines(report)
        assert said == (tmp_path / f"stream-{mode}.txt").read_text().splitlines()
        if mode == "clip":
            assert said == (inputs / "stream" / "decisions-clip.txt").read_text().splitlines()
        decided = [line.split() for line in said if line.startswith("decided")]
        assert len(decided) == values["decisions"] > 15
        # A class, "unknown" and a lost signal are all among them.
        activities = {int(fields[4]) for fields in decided}
        assert -1 in activities and max(activities) >= 0 and len(decided) < len(said)
        bound = values["pskd_activity_recognizer_add_stack_bound"]
        assert 100 < values["recognizer_stack_bytes"] <= bound < most_stack
        assert values["heap_functions"] == 0
        assert values["sample_instructions"] < most_instructions
        assert values["decision_instructions"] > 100_000
        sizes = section_sizes((tmp_path / report.stem / "firmware.map").read_text())
        parts = ("plain", "features", "recognizer", "library")
        code = sum(sizes[part, ".text"] for part in parts) + sizes["library", ".rodata"]
        # Without a unit for floats their routines are the library's.
        assert 2000 < code < (13_000 if core == "rv32imac" else 12_000)
        # The core's state is the caller's.
        assert sizes["recognizer", ".bss"] == sizes["features", ".bss"] == 0
        assert values["recognizer_bytes"] + values["model_buffer_bytes"] + bound < 8000


@pytest.mark.parametrize("mode", ["clip", "window"])
def test_a_big_endian_machine_says_what_this_one_says(make, tmp_path, mode):
    finished, report = make(tmp_path, f"s390x-stream-{mode}")
    assert finished.returncode == 0, finished.stderr
    lines = report.read_text()
    assert lines == (tmp_path / f"stream-{mode}.txt").read_text() and lines.count("decided") > 15


@pytest.mark.parametrize("core", CORES)
def test_each_core_follows_the_noise_floor_and_the_null_class(make, with_none, tmp_path, core):
    """Scores, segments and decisions, to the last bit, in either mode."""
    mode, folder = with_none
    name = f"{core}-portable-stream-{mode}"
    finished, report = make(tmp_path, name, folder / "stream", folder / "model")
    assert finished.returncode == 0, finished.stderr
    said, values = _lines(report)
    assert said == (folder / "stream" / f"decisions-{mode}.txt").read_text().splitlines()
    activities = {int(line.split()[4]) for line in said}
    null_class = len(said[0].split()) - 8 - 1
    assert -1 in activities and max(activities) >= 0 and null_class not in activities
    assert values["decisions"] == len(said) >= 15


def test_another_decision_fails_the_build(make, inputs, tmp_path):
    """Python's lines with one digit changed."""
    stream = tmp_path / "stream"
    shutil.copytree(inputs / "stream", stream)
    path = stream / "decisions-clip.txt"
    text = path.read_text()
    path.write_text(text[:-2] + ("1" if text[-2] == "0" else "0") + "\n")
    finished, report = make(tmp_path / "build", "stream-clip", stream)
    assert finished.returncode == 2 and "differ" in finished.stdout + finished.stderr
    assert not report.exists()
    # And on a core: another recording than the one that the lines are from.
    path.write_text(text)
    recording = bytearray((stream / "recording").read_bytes())
    finished, report = make(tmp_path / "build", "stream-clip", stream)
    assert finished.returncode == 0, finished.stderr
    (stream / "recording").write_bytes(recording[: len(recording) // 2])
    finished, report = make(tmp_path / "build", "m4-dsp-stream-clip", stream)
    assert finished.returncode == 2 and not report.exists()
