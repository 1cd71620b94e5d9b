"""A streamed recording on emulated cores: what they print is what Python says, line for line."""

import shutil
from runpy import run_path

import pytest

from firmware import CORES, make_reports
from project import MICROCONTROLLER, run_command

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


@pytest.fixture
def make(inputs):
    """Asks for a report; returns the finished process and the report's path."""

    def run(build, name, stream=inputs / "stream"):
        report = build / f"{name}.txt"
        settings = {"FIRMWARE_MODEL": inputs / "model", "FIRMWARE_STREAM": stream}
        return make_reports(report, **settings), report

    return run


def _lines(report):
    lines = report.read_text().splitlines()
    said = [line for line in lines if line.startswith(("lost ", "decided "))]
    return said, {name: int(value) for name, value in map(str.split, lines[len(said) :])}


@pytest.mark.parametrize("core", CORES)
def test_each_core_says_what_python_says(make, inputs, tmp_path, core):
    """Its own mode with one kernel, the other mode with the other; stack, heap and RAM."""
    section_sizes = run_path(str(MICROCONTROLLER / "firmware/on_device_table.py"))["section_sizes"]
    for mode, kernel in (("clip", "dsp"), ("window", "portable")):
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
        assert 100 < values["recognizer_stack_bytes"] <= bound < 250
        assert values["heap_functions"] == 0
        assert values["sample_instructions"] < 500 < 100_000 < values["decision_instructions"]
        sizes = section_sizes((tmp_path / report.stem / "firmware.map").read_text())
        parts = ("plain", "features", "recognizer", "library")
        code = sum(sizes[part, ".text"] for part in parts) + sizes["library", ".rodata"]
        assert 2000 < code < 12_000
        # The core's state is the caller's.
        assert sizes["recognizer", ".bss"] == sizes["features", ".bss"] == 0
        assert values["recognizer_bytes"] + values["model_buffer_bytes"] + bound < 8000


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
