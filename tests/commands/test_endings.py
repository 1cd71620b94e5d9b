"""However a command ends: one line and its exit status, no traceback, nothing half-written."""

import os
import signal
import subprocess
import sys
import time

import pytest

from project import ROOT

INTERRUPTED = "interrupted; the same command resumes\n"


def script(body: str) -> list[str]:
    """Returns a command whose main function has this body."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    text = (
        "import errno, os, sys, time\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from data_prep.commands import CommandArguments, run_command\n"
        "from data_prep.files import whole_file, whole_folder\n"
        "from data_prep.workers import worker_pool\n"
        f"def main(arguments):\n{lines}\n"
        "if __name__ == '__main__':\n"
        "    run_command(main, CommandArguments)\n"
    )
    return [sys.executable, "-c", text]


def run(body: str, **settings) -> subprocess.CompletedProcess:
    settings = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 60} | settings
    return subprocess.run(script(body), **settings)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_text_that_the_screen_lacks_is_escaped(encoding):
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    finished = run("print('gr\\u00f6\\u00dfer \\u4e2d')", env=environment, text=False)
    word = "größer ".encode(encoding, "backslashreplace")
    assert (finished.returncode, finished.stderr) == (0, b"")
    assert finished.stdout == word + b"\\u4e2d\n"


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("raise OSError(errno.ENOSPC, 'No space left on device', 'a.npz')", "No space left"),
        ("open('/dev/full', 'w').write('1'); Path('/dev/full').write_text('1')", "No space left"),
        ("np.zeros(10**5).tofile(open('/dev/full', 'wb', 0))", "a disk that is full"),
        ("Path('/').write_text('1')", "Is a directory (file: /)"),
    ],
    ids=["full", "full-text", "full-array", "directory"],
)
def test_what_the_machine_refuses_is_one_line(body, line):
    finished = run(body)
    assert finished.returncode == 2 and line in finished.stderr
    assert finished.stderr.startswith("error: ") and finished.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback():
    finished = run("raise FileNotFoundError(errno.ENOENT, 'No such file', 'x')")
    assert finished.returncode == 1 and "Traceback" in finished.stderr


ENDINGS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


def start(command: list[str]) -> subprocess.Popen:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=_default_signals,
    )


def _default_signals() -> None:
    # A job in the background ignores Ctrl-C, one under `nohup` a hang-up; its children would too.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize(("number", "status"), ENDINGS)
def test_a_signal_is_one_line_and_leaves_nothing(tmp_path, number, status):
    body = (
        f"with whole_folder('{tmp_path}/set') as part:\n"
        "    (part / 'half').touch()\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)"
    )
    process = start(script(body))
    assert process.stdout.readline() == "ready\n"
    for _ in range(2):  # the second one does not stop the cleaning up
        process.send_signal(number)
    _, messages = process.communicate(timeout=30)
    assert (process.returncode, messages) == (status, INTERRUPTED)
    assert list(tmp_path.iterdir()) == []


def living(group: int) -> list[str]:
    """Returns the commands of a process group that still run."""
    listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True)
    rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [row[-1] for row in rows if row[0] == str(group) and not row[1].startswith("Z")]


WORK = """
import time
from data_prep.files import whole_folder

def work(place):
    with whole_folder(place) as part:
        (part / "half").touch()
        time.sleep(60)
"""


@pytest.mark.parametrize(("number", "status"), ENDINGS)
@pytest.mark.parametrize("to_all", [False, True], ids=["one", "group"])
def test_a_signal_ends_the_workers(tmp_path, number, status, to_all):
    """Ctrl-C in a terminal goes to the whole group, and so does the end of the terminal."""
    (tmp_path / "amid_work.py").write_text(WORK)
    out = tmp_path / "out"
    body = (
        f"sys.path.insert(0, '{tmp_path}')\n"
        "from amid_work import work\n"
        "with worker_pool(2) as pool:\n"
        f"    tasks = [pool.submit(work, f'{out}/{{n}}') for n in range(3)]\n"
        "    pool.first_done(tasks)"
    )
    process = start(script(body))
    deadline = time.monotonic() + 30
    while len(list(out.glob("*/half"))) < 2:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    if to_all:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, messages = process.communicate(timeout=30)
    assert (process.returncode, messages) == (status, INTERRUPTED)
    deadline = time.monotonic() + 10  # multiprocessing's tracker ends a moment later
    while living(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert list(out.iterdir()) == []


def test_a_signal_while_importing_is_one_line():
    command = [sys.executable, "-m", "pskd_tf.train", "--help"]
    for delay in (0.25, 0.4, 0.6):
        process = start(command)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        _, messages = process.communicate(timeout=30)
        # Before Python has read the first line of ours, the signal has no handler.
        assert process.returncode in (143, 0, -signal.SIGTERM)
        assert messages == (INTERRUPTED if process.returncode == 143 else "")


@pytest.mark.parametrize(("number", "status"), ENDINGS)
def test_a_signal_while_the_help_is_written_is_one_line(number, status):
    """Until November 2026 it was a traceback."""
    command = script("pass")
    command[-1] = command[-1].replace(
        "def main",
        f"import data_prep.commands as c\nc.flags_help = lambda _: {sending(number)}\ndef main",
    )
    finished = end([*command, "--help"])
    assert (finished.returncode, finished.stderr) == (status, INTERRUPTED)


@pytest.mark.parametrize(("number", "status"), ENDINGS)
def test_a_signal_after_the_work_is_one_line_and_loses_no_output(number, status):
    finished = end(
        script(f"import atexit\nprint('done')\natexit.register(lambda: {sending(number)})")
    )
    assert (finished.returncode, finished.stdout) == (status, "done\n")
    assert finished.stderr == INTERRUPTED


def sending(number: int) -> str:
    return f"os.kill(os.getpid(), {int(number)})"


def end(command: list[str]) -> subprocess.CompletedProcess:
    process = start(command)
    printed, messages = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, printed, messages)


def test_native_windows_is_refused_in_one_line():
    finished = run("print('ran')", env=os.environ | {"PYTHONSTARTUP": ""})
    assert finished.stdout == "ran\n"
    command = script("print('ran')")
    command[-1] = command[-1].replace(
        "    run_command(", "    sys.platform = 'win32'\n    run_command("
    )
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr == (
        "error: Commands run on Linux and macOS; on Windows, in WSL. Received: native Windows\n"
    )


@pytest.mark.parametrize("package", ["data_prep", "pskd_tf"])
def test_an_import_on_native_windows_names_wsl(package):
    text = f"import sys; sys.platform = 'win32'; import {package}; print('imported')"
    finished = subprocess.run(
        [sys.executable, "-c", text], cwd=ROOT, capture_output=True, text=True
    )
    assert (finished.returncode, finished.stdout) == (0, "imported\n")
    assert "UserWarning: pskd_tf runs on Linux and macOS; on Windows, in WSL" in finished.stderr


def test_a_flagfile_that_is_not_utf_8_is_refused_in_one_line(tmp_path):
    (tmp_path / "a.flags").write_bytes(b"--dry_run\n# gr\xf6\xdfer\n")
    command = [*script("print('ran')"), f"--flagfile={tmp_path / 'a.flags'}"]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("error: A flagfile must be in UTF-8. Received: ")
    assert finished.stderr.count("\n") == 1
