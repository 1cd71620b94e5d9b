"""The last seconds of a board, its plot in a terminal and its page in a browser."""

import http.client
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

from data_prep.errors import UserError
from project import ROOT
from pskd_tf.monitoring.live import KEPT_SECONDS, LiveState, poll_messages
from pskd_tf.monitoring.protocol import (
    NO_SAMPLES,
    BoardActivity,
    BoardHeader,
    BoardSample,
    BoardStatus,
)
from pskd_tf.monitoring.recording import RecordingSession, SessionState
from pskd_tf.monitoring.terminal import plot_rows, session_line
from pskd_tf.monitoring.web import WebPage, page_data

HEADER = BoardHeader("0123456789ab", "tflm", 50.0, 8.0, "-y+z-x", 8)


def filled(samples=600):
    state = LiveState()
    state.take(HEADER)
    for index in range(samples):
        state.take(BoardSample(20_000 * index, (0.0, 1.0, -1.0)))
    state.take(BoardActivity(20_000 * samples, 3, "wave", 0.912))
    return state


def test_the_last_seconds_are_kept():
    view = filled().view()
    assert view.header.startswith("project 0123456789ab, tflm, 8 classes, 50 Hz")
    assert len(view.samples) == KEPT_SECONDS * 50 + 1 and view.samples[-1] == (11.98, 0, 1, -1)
    assert view.activity == ("wave", 0.912) and view.activities == 1
    assert view.events == ("     12.00 s  0.912  wave",) and view.hint == ""


def test_a_board_without_samples_gives_a_hint():
    state = LiveState()
    for message in (HEADER, BoardStatus(0, "sensor_started", 0), HEADER, HEADER):
        assert state.view().hint == ""
        state.take(message)
    assert state.view().hint == NO_SAMPLES


def test_polling_yields_while_nothing_comes_and_passes_errors_on():
    def messages():
        yield HEADER
        time.sleep(0.2)
        raise UserError("The port must stay open", "gone")

    batches = []
    with pytest.raises(UserError, match="must stay open"):
        for batch in poll_messages(messages()):
            batches.append(batch)
    assert batches[0] == [HEADER] and len(batches) > 2 and not any(batches[1:])


def test_each_axis_is_drawn_at_its_height():
    samples = [(index / 50, 0.0, 1.0, -2.0) for index in range(501)] + [(10.0, np.nan, 0.0, 0.0)]
    largest, rows = plot_rows(samples, 10.0, columns=40, rows=8)
    assert largest == 2.0 and len(rows) == 8 and all(len(row) == 40 for row in rows)
    by_axis = {
        axis: {number for number, row in enumerate(rows) if any(own == axis for _, own in row)}
        for axis in (0, 1, 2)
    }
    # 0 g in the middle, 1 g a quarter below the top, -2 g at the bottom.
    assert by_axis == {0: {4}, 1: {2}, 2: {7}}
    assert {character for character, _ in rows[7]} == {"⣀"}


def test_a_session_says_what_it_does():
    waiting = SessionState("waiting", None, 0.0, "a.csv: 151 samples")
    labels = ("wave", "clap")
    assert session_line(waiting, labels) == "a.csv: 151 samples; 1 wave, 2 clap; q ends"
    assert session_line(SessionState("countdown", "clap", 2.6, ""), labels) == "clap in 3"
    assert session_line(SessionState("recording", "clap", 1.25, ""), labels).startswith(
        "recording clap: 1.2 s"
    )


@pytest.fixture
def page(tmp_path):
    """The page with a session; requests to it, and the keys that were pressed."""
    pressed = []
    worn = {"subject": "anna", "sensor_place": "right_wrist", "seconds": 1.0, "countdown": 0.0}
    session = RecordingSession(tmp_path / "own", ["wave", "clap"], **worn)
    state = filled()
    state.take(BoardSample(12_020_000, (np.nan, 0.0, 0.0)))
    with WebPage(state, session, pressed.append) as web:

        def request(method, path, **headers):
            address = re.fullmatch(r"http://(127\.0\.0\.1):(\d+)/", web.address)
            connection = http.client.HTTPConnection(address[1], int(address[2]), timeout=10)
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

        yield request, pressed


def test_the_page_needs_nothing_from_elsewhere(page):
    request, _ = page
    status, headers, body = request("GET", "/")
    assert status == 200 and b"live.js" in body and b"://" not in body
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    for name in ("/live.js", "/live.css"):
        status, _, body = request("GET", name)
        assert status == 200 and len(body) > 500 and b"http" not in body
    assert request("GET", "/../setup.py")[0] == request("GET", "/nothing")[0] == 404


def test_the_page_gets_new_samples_and_the_session(page):
    request, _ = page
    data = json.loads(request("GET", "/data?after=11.95")[2])
    assert data["samples"] == [[11.96, 0, 1, -1], [11.98, 0, 1, -1], [12.02, None, 0, 0]]
    assert data["activity"] == ["wave", 0.912] and data["labels"] == ["wave", "clap"]
    assert data["session"]["phase"] == "waiting" and data["kept_seconds"] == 10
    assert len(json.loads(request("GET", "/data?after=x")[2])["samples"]) > 490
    assert page_data(LiveState(), None, -1.0)["session"] is None


def test_only_this_machines_page_presses_keys(page):
    request, pressed = page
    own = {"X-Monitor": "1"}
    assert request("POST", "/press?key=1", **own)[0] == 204 and pressed == ["1"]
    assert request("POST", "/press?key=1")[0] == 403
    assert request("POST", "/press?key=1", Host="evil.example", **own)[0] == 403
    assert request("GET", "/data", Host="evil.example:80")[0] == 403
    assert request("POST", "/press?key=12", **own)[0] == 404 and pressed == ["1"]


def test_a_taken_port_is_named(page, tmp_path):
    with WebPage(LiveState(), None, print) as other:
        port = int(other.address.rstrip("/").rpartition(":")[2])
        with pytest.raises(UserError, match="--web_port must be a free port"):
            WebPage(LiveState(), None, print, port)


@pytest.mark.slow
def test_a_key_records_from_the_simulated_board(tiny_run, tmp_path):
    """Both commands and a terminal: plot, page, two labels; another command reads the file."""
    serve = ["-m", "pskd_tf.simulate_board", f"--run_dir={tiny_run}", "--serial", "--sends_samples"]
    own = tmp_path / "own"
    with subprocess.Popen(
        [sys.executable, *serve, "--speed=5"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as board:
        lines = iter(board.stdout.readline, "")
        port = next(line for line in lines if line.startswith("port: ")).split()[1]
        master, slave = os.openpty()
        record = [f"--record={own}", "--labels=wave,clap", "--subject=anna", "--seconds=4"]
        views = ["--plot", "--web", "--web_port=0", "--countdown=1"]
        command = [sys.executable, "-m", "pskd_tf.monitor", f"--port={port}", *record, *views]
        monitor = subprocess.Popen(command, cwd=ROOT, stdin=slave, stdout=slave, stderr=slave)
        shown = b""

        def until(pattern):
            nonlocal shown
            deadline = time.monotonic() + 60
            while not re.search(pattern, shown):
                assert time.monotonic() < deadline, shown[-2000:]
                if select.select([master], [], [], 0.2)[0]:
                    shown += os.read(master, 1 << 16)
            found = re.search(pattern, shown)
            shown = shown[found.end() :]
            return found

        try:
            address = until(rb"page: http://127\.0\.0\.1:(\d+)/")
            until("[⠁-⣿]".encode())
            os.write(master, b"2")
            until(rb"clap in 1")
            until(rb"anna_clap_1\.csv: 20[01] samples")
            connection = http.client.HTTPConnection("127.0.0.1", int(address[1]), timeout=10)
            connection.request("POST", "/press?key=1", headers={"X-Monitor": "1"})
            assert connection.getresponse().status == 204
            until(rb"anna_wave_1\.csv: 20[01] samples")
            os.write(master, b"q")
            until(rb"result: 2 clips in ")
            assert monitor.wait(timeout=30) == 0
        finally:
            monitor.kill()
            board.terminate()
            os.close(slave)
            os.close(master)
    manifest = (own / "manifest.csv").read_text().splitlines()
    assert len(manifest) == 3 and "anna,clap,anna_clap_1.csv" in manifest[1]
    # It keeps the compiled core in the run.
    shutil.copytree(tiny_run / "export", tmp_path / "run" / "export")
    simulate = ["-m", "pskd_tf.simulate", f"--run_dir={tmp_path / 'run'}"]
    simulate.append(f"--csv={own}/anna_clap_1.csv")
    finished = subprocess.run([sys.executable, *simulate], cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
