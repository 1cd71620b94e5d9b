"""The whole project on a simulated sensor, against the simulator and behind a pseudo-terminal."""

import dataclasses
import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from data_prep.errors import UserError
from project import ROOT
from pskd_tf.device.firmware import compile_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import Recording
from pskd_tf.export.boards.simulated import SimulatedBoard, SimulatedBoardSettings
from pskd_tf.monitoring.simulated_board import SerialLine, run_board, serve_board

STILL = SimulatedBoardSettings(
    drift_percent=0.0, sample_jitter_us=0.0, wake_jitter_us=0.0, loss_percent=0.0, noise_g=0.0
)
RECOGNIZER = RecognizerSettings(threshold=0.3)


def test_lines_are_sent_at_the_times_of_their_stamps():
    """The clock wraps around; at twice the speed in half the time."""
    lines = b"".join(
        b"sample,%d,0,0,1\r\n" % (stamp % (1 << 32))
        for stamp in ((1 << 32) - 500_000, 500_000 + (1 << 32), 1_500_000 + (1 << 32))
    )
    now, sent = [10.0], []
    process = SimpleNamespace(stdout=io.BytesIO(b"pskd,1,a\r\n" + lines))
    count = serve_board(
        process,
        lambda line: sent.append(now[0]),
        speed=2.0,
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        clock=lambda: now[0],
    )
    assert count == 4 and sent == [10.0, 10.0, 10.5, 11.0]


def test_a_line_that_nobody_reads_is_dropped_whole():
    line = b"sample,1,0.00000,0.00000,1.00000\r\n"
    with SerialLine() as serial:
        taken = sum(serial.send(line) for _ in range(20_000))
        assert 0 < taken < 20_000
        reader = os.open(serial.port, os.O_RDONLY | os.O_NOCTTY)
        held, last = os.read(reader, 1 << 20), b"status,1,no_sample,1\r\n"
        while not serial.send(last):
            held += os.read(reader, 1 << 20)
        while not held.endswith(last):
            held += os.read(reader, 1 << 20)
        os.close(reader)
    assert set(held.split(b"\r\n")[:-2]) == {line.rstrip()}


def test_a_setting_out_of_range_is_refused():
    with pytest.raises(UserError, match=r"drift_percent must lie in -5..5"):
        SimulatedBoardSettings(drift_percent=6.0)


@pytest.fixture(scope="module")
def board(exported, int8_student, tmp_path_factory):
    """A board whose sensor replays four clips between seconds of rest."""
    generator = np.random.default_rng(0)
    rest = lambda: generator.normal((0, 0, 1), 0.004, (100, 3))  # noqa: E731
    clips = [int8_student.clips[index] for index in (9, 17, 26, 40)]
    samples = np.concatenate([part for clip in clips for part in (rest(), clip, rest())])
    recording = Recording(np.arange(len(samples)) / 50, samples.astype(np.float32))
    folder = tmp_path_factory.mktemp("simulated")
    return SimulatedBoard.build(exported.parent, folder, recording, RECOGNIZER, sends_samples=True)


def _run(board, settings, seconds=20.0):
    """Stamps, samples and counts of a run."""
    with board.start(settings, seconds) as process:
        _, report = process.communicate()
    assert process.returncode == 0, report
    return *board.read_delivered(), dict(line.split() for line in report.decode().splitlines())


@pytest.mark.slow
def test_the_sensor_replays_the_recording(board):
    """Without noise to half a step of the chip at 8 g; its stamps to a millisecond."""
    stamps, delivered, _ = _run(board, dataclasses.replace(STILL, baud=0, inference_ms=0.0))
    assert np.diff(stamps.astype(np.int64)).min() > 0 and len(stamps) == pytest.approx(1000, abs=2)
    motion = np.loadtxt(board.motion, delimiter=",", skiprows=1)
    at_rest = motion[:80, 1:]
    times = stamps[:75] / 1e6
    expected = np.stack([np.interp(times, motion[:80, 0] / 1e6, axis) for axis in at_rest.T], 1)
    # Noise of 4 mg between two samples is interpolated; a stamp is up to 10 ms late.
    assert np.abs(delivered.samples[:75] - expected).max() < 0.02
    steps = delivered.samples / np.float32(0.000244)
    np.testing.assert_allclose(steps, np.round(steps), atol=2e-2)


@pytest.mark.slow
@pytest.mark.parametrize("drift", [-2.0, 0.0, 2.0])
def test_drift_loss_and_range(board, drift):
    """Samples of 104 Hz and its drift; what is lost; the least range saturates."""
    settings = dataclasses.replace(
        STILL, drift_percent=drift, drift_period_hours=0.0, loss_percent=10.0, range_g="2"
    )
    _, delivered, numbers = _run(board, settings, 100.0)
    expected = 10_400 * (1 + drift / 100)
    assert int(numbers["chip_samples"]) == pytest.approx(expected, abs=3)
    assert int(numbers["chip_lost"]) == pytest.approx(0.1 * expected, abs=4 * 0.3 * expected**0.5)
    assert np.abs(delivered.samples).max() <= 2.0


@pytest.mark.slow
def test_a_setting_that_the_program_does_not_know_is_an_error(board):
    command = [board.program, board.motion, "drift_percent=1", "colour=1"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 2 and "colour=1" in finished.stderr


@pytest.mark.slow
def test_it_decides_as_the_simulator_does(board, exported, tmp_path):
    """Half an hour with drift, jitter, loss and outages; a seed gives the same bytes."""
    model = ExportedModel.read(exported.parent)
    program = compile_core(model, tmp_path / "cache")
    settings = SimulatedBoardSettings(outages_an_hour=30.0, loss_percent=1.0)
    run = run_board(board, settings, 1800.0, model, RECOGNIZER, program)
    assert run.differing == 0 and run.decisions > 150
    assert run.losses == run.simulator_losses > 3
    assert run.sent == run.numbers["delivered_samples"] > 85_000
    assert run.numbers["queue_lost"] == 0 and 1 <= run.numbers["queue_deepest"] < 16
    again = run_board(board, settings, 1800.0, model, RECOGNIZER, program)
    assert again == run
    other = dataclasses.replace(settings, seed=1)
    assert run_board(board, other, 1800.0, model, RECOGNIZER, program).numbers != run.numbers


@pytest.mark.slow
def test_monitor_records_from_its_serial_line(tiny_run, tmp_path):
    """Both commands, thirty times as fast as real time."""
    serve = ["-m", "pskd_tf.simulate_board", f"--run_dir={tiny_run}", "--serial"]
    serve += ["--sends_samples", "--speed=30"]
    with subprocess.Popen(
        [sys.executable, *serve], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            lines = iter(process.stdout.readline, "")
            port = next(line for line in lines if line.startswith("port: ")).split()[1]
            record = [f"--record={tmp_path / 'one.csv'}", "--label=wave", "--subject=anna"]
            monitor = ["-m", "pskd_tf.monitor", f"--port={port}", "--seconds=6", *record]
            finished = subprocess.run(
                [sys.executable, *monitor], cwd=ROOT, capture_output=True, text=True, timeout=60
            )
        finally:
            process.terminate()
    assert finished.returncode == 0, finished.stderr
    recorded = re.search(r"(\d+) samples, ([\d.]+) s", finished.stdout)
    assert recorded and float(recorded[2]) == pytest.approx(6.0, abs=0.3)
    assert len((tmp_path / "one.csv").read_text().splitlines()) > int(recorded[1])
