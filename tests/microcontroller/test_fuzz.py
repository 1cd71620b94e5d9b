"""The fuzzers of the C core find planted faults; `make firmware-fuzz` runs them without."""

import shutil
import subprocess

import pytest

from firmware import make_reports
from project import MICROCONTROLLER, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def fuzz(exported, tmp_path):
    """Builds a target of a checkout and runs it; returns the finished process and its counts."""

    def run(target, runs=300, root=ROOT):
        if shutil.which("clang") is None:
            pytest.skip("not installed: clang")
        program = tmp_path / f"fuzz_{target}"
        built = make_reports(program, root=root, FIRMWARE_MODEL=exported)
        assert built.returncode == 0, built.stderr
        flags = [f"-runs={runs}", "-seed=1", "-use_cmp=0", "-max_len=512", "-len_control=0"]
        command = [program, *flags, f"-artifact_prefix={tmp_path}/"]
        finished = subprocess.run(command, capture_output=True, text=True)
        return finished, dict(map(str.split, finished.stdout.splitlines()))

    return run


def test_the_same_inputs_each_time(fuzz):
    finished, counts = fuzz("samples-clip")
    assert finished.returncode == 0, finished.stderr
    assert counts["inputs"] == "300" and int(counts["samples"]) > 20_000
    assert fuzz("samples-clip")[1] == counts


@pytest.mark.parametrize(
    ("target", "file", "old", "new", "message"),
    [
        (
            "samples-clip",
            "segment_detector.c",
            "(detector->count < PSKD_MAXIMUM_SAMPLES)",
            "(detector->count <= PSKD_MAXIMUM_SAMPLES)",
            "a movement fits the detector",
        ),
        (
            "samples-window",
            "accelerometer_features.c",
            "fabsf(quotient) <= 512.0f",
            "1",
            "outside the range of representable values",
        ),
        (
            "stamps-window",
            "sample_queue.c",
            "queue->taken >= PSKD_QUEUE_SAMPLES",
            "queue->taken > PSKD_QUEUE_SAMPLES",
            "broken: the queue is as deep as it is",
        ),
        (
            "stamps-window",
            "window_buffer.c",
            "elapsed_us = time_us - buffer->newest_us",
            "elapsed_us = time_us < buffer->newest_us ? 1u : time_us - buffer->newest_us",
            "a clock that is ahead changes nothing",
        ),
        (
            "settings-window",
            "activity_filter.c",
            "if (filter->streak >= settings->minimum_windows)",
            "if (best / settings->minimum_windows >= 0)",
            "division by zero",
        ),
        (
            "slot-clip",
            "model_slot.c",
            " || header->length > capacity",
            "",
            "heap-buffer-overflow",
        ),
    ],
)
def test_a_planted_fault_is_found(fuzz, tmp_path, target, file, old, new, message):
    root = tmp_path / "checkout"
    shutil.copytree(MICROCONTROLLER, root / "microcontroller")
    source = root / "microcontroller" / "src" / file
    text = source.read_text()
    assert text.count(old) == 1
    source.write_text(text.replace(old, new))
    finished, _ = fuzz(target, 20_000, root)
    assert finished.returncode != 0 and message in finished.stderr
    assert list(tmp_path.glob("crash-*"))
