"""The activity loop on an emulated Cortex-M0+ that a timer interrupts for each sample."""

import numpy as np
import pytest

from firmware import make_reports
from pskd_tf.device.firmware import recording_file
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.device.recordings import Recording

pytestmark = pytest.mark.slow

MOVEMENTS = 8


@pytest.fixture(scope="module")
def stream(int8_student, tmp_path_factory):
    """A folder with a recording: clips between seconds of rest, at 50 Hz."""
    generator = np.random.default_rng(0)
    rest = lambda: generator.normal((0, 0, 1), 0.004, (100, 3))  # noqa: E731
    parts = [rest()]
    for index in range(9, 9 + MOVEMENTS * 11, 11):
        parts += [int8_student.clips[index], rest()]
    samples = np.concatenate(parts).astype(np.float32)
    folder = tmp_path_factory.mktemp("live")
    recording = Recording(np.arange(len(samples)) / 50, samples)
    settings = RecognizerSettings(threshold=0.3)
    (folder / "recording").write_bytes(recording_file(recording, settings))
    return folder


@pytest.fixture
def run(exported, stream, tmp_path):
    """Makes a report; returns the activities with their times, statuses and numbers."""

    def make(mode, kind):
        report = tmp_path / f"m0-portable-live-{mode}-{kind}.txt"
        finished = make_reports(report, FIRMWARE_MODEL=exported, FIRMWARE_STREAM=stream)
        assert finished.returncode == 0, finished.stderr
        lines = report.read_text().splitlines()
        fields = [line.split(",") for line in lines if "," in line]
        numbers = dict(line.split() for line in lines if "," not in line)
        activities = [(int(row[1]), int(row[2]), row[-1]) for row in fields if row[0] == "activity"]
        statuses = {row[2]: int(row[3]) for row in fields if row[0] == "status"}
        return activities, statuses, {name: int(value) for name, value in numbers.items()}

    return make


@pytest.mark.parametrize("mode", ["clip", "window"])
def test_a_slow_core_decides_as_a_quick_one(run, mode):
    """15.6 million instructions a second: an inference takes longer than the longest gap."""
    slow, statuses, numbers = run(mode, "slow")
    quick, _, quick_numbers = run(mode, "quick")
    assert slow == quick and all(activity >= -1 for _, activity, _ in slow)
    due = 1 + (numbers["samples"] - 96) // 48
    assert len(slow) == (MOVEMENTS if mode == "clip" else due)
    assert 200_000 < numbers["longest_step_us"] < 400_000
    assert numbers["samples_waiting"] - numbers["longest_step_us"] // 20_000 in (0, 1)
    assert numbers["samples_lost"] == numbers["windows_skipped"] == 0
    assert statuses == {"model_started": 0, "sensor_started": 0}
    assert quick_numbers["samples"] == numbers["samples"]
    assert quick_numbers["longest_step_us"] < 10_000 and quick_numbers["samples_waiting"] == 1
    # With the queue; the microbit has 16 KB for all.
    assert numbers["loop_bytes"] < 8_000 and numbers["heap_functions"] == 0


def test_without_the_interrupt_each_inference_is_a_gap(run):
    activities, _, numbers = run("clip", "polled")
    said = [activity for _, activity, _ in activities]
    assert [activity == -2 for activity in said] == [False, True] * MOVEMENTS
    assert numbers["samples_lost"] == 0
