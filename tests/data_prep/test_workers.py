"""Worker processes: results, errors and deaths."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_prep.errors import UserError
from data_prep.workers import cores, worker_pool


def wait_for(path: Path) -> str:
    """Waits until the file is there; two minutes at most, so that no test hangs."""
    deadline = time.monotonic() + 120
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return path.name


def divide(number: int) -> float:
    return 1 / number


def refuse(number: int) -> None:
    raise UserError("A rule", number, "file.csv")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_the_first_task_that_is_done_comes_first(tmp_path: Path):
    with worker_pool(2) as pool:
        slow, fast = pool.submit(wait_for, tmp_path / "go"), pool.submit(divide, 2)
        first = pool.first_done([slow, fast])
        assert first is fast and pool.result(first) == 0.5
        (tmp_path / "go").touch()
        assert pool.result(slow) == "go"


def test_errors_keep_their_type_and_words():
    with worker_pool(1) as pool:
        with pytest.raises(ZeroDivisionError, match="division by zero"):
            pool.result(pool.submit(divide, 0))
        with pytest.raises(UserError, match=r"^A rule\. Received: 3 \(file: file\.csv\)$"):
            pool.result(pool.submit(refuse, 3))
        assert pool.result(pool.submit(divide, 2)) == 0.5


def test_a_dead_worker_is_an_error_in_one_line(tmp_path: Path):
    """At once, though the other worker is still busy."""
    message = r"^A worker process must not be ended .*fewer --workers.*Received: one of 2 died$"
    with worker_pool(2) as pool:
        waiting = pool.submit(wait_for, tmp_path / "never")
        with pytest.raises(UserError, match=message):
            pool.result(pool.submit(die))
        with pytest.raises(UserError, match=message):
            pool.result(waiting)
        with pytest.raises(UserError, match=message):
            pool.submit(divide, 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1, "dask"), "The runner must be one of processes, ray. Received: dask"),
        ((1, "processes", "auto"), "ray_address goes with the runner ray. Received: processes"),
    ],
)
def test_bad_arguments(arguments: tuple, message: str):
    with pytest.raises(UserError) as error, worker_pool(*arguments):
        pass
    assert str(error.value) == message


def test_there_is_a_core():
    assert 1 <= cores() <= (os.cpu_count() or 1)


def test_a_script_without_a_main_guard_is_told_so(tmp_path: Path):
    """Each worker imports the script first, and would start workers itself."""
    script = tmp_path / "script.py"
    script.write_text(
        "from data_prep import prepare_dataset\n"
        f"prepare_dataset('synthetic', None, {str(tmp_path / 'out')!r}, workers=2)\n",
        encoding="utf-8",
    )
    finished = subprocess.run([sys.executable, script], capture_output=True, text=True)
    last = finished.stderr.strip().splitlines()[-1]
    rule = "A script must start workers under if __name__ == '__main__': (or workers=1)."
    assert last.startswith(f"data_prep.errors.UserError: {rule}")
    assert finished.stderr.count("Traceback") <= 2  # of the script alone: cause and error
