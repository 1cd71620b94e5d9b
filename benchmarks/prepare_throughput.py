"""How fast data sets are prepared and how much memory that takes, with one and two workers.

    python benchmarks/prepare_throughput.py
    PSKD_DATA_DIR=DIR python benchmarks/prepare_throughput.py --clips=2000,20000

Each line is one run of `python -m data_prep.prepare` in processes of its own, from start to end,
imports included. Memory is the largest resident size of any of its processes. UTD-MHAD is
measured if the folder PSKD_DATA_DIR holds `utd-mhad`. At the end it says by how much the peak
grew from the smallest to the largest synthetic set; streaming keeps that below 20 %.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from data_prep.commands import run_command
from data_prep.errors import UserError
from data_prep.loaders.synthetic.movements import ACTION_NAMES
from data_prep.prepared_set import PreparedSet
from data_prep.settings import setting

_LARGEST_GROWTH = 0.2


@dataclass(frozen=True)
class Measured:
    """One run: clips prepared, wall time in seconds, peak memory in bytes."""

    clips: int
    seconds: float
    peak_bytes: int


@dataclass(frozen=True)
class ThroughputArguments:
    """Sizes of the measurement."""

    clips: tuple[int, ...] = setting((2000, 20000), "Numbers of synthetic clips, ascending.")
    workers: tuple[int, ...] = setting((1, 2), "Numbers of workers.")


def main(arguments: ThroughputArguments) -> None:
    """Prints one line a run, and how memory grew."""
    print(f"{'set':<18} {'clips':>6} {'workers':>7} {'seconds':>8} {'clips/s':>8} {'peak MiB':>9}")
    data_dir = os.environ.get("PSKD_DATA_DIR")
    for number in arguments.workers:
        if data_dir:
            raw_dir = Path(data_dir) / "utd-mhad"
            _show("utd_mhad", number, _measure(number, "utd_mhad", f"--raw_dir={raw_dir}"))
    if not data_dir:
        print("PSKD_DATA_DIR is not set: no UTD-MHAD")
    for number in arguments.workers:
        runs = [_measure(number, "synthetic", *_shape(count)) for count in arguments.clips]
        for run in runs:
            _show("synthetic", number, run)
        growth = runs[-1].peak_bytes / runs[0].peak_bytes - 1
        verdict = "ok" if growth < _LARGEST_GROWTH else "TOO MUCH"
        print(f"  peak grew by {growth:.1%} from {runs[0].clips} to {runs[-1].clips}: {verdict}")


def _shape(clips: int) -> tuple[str, str]:
    """Flags for at least so many synthetic clips, with as many subjects as trials, about."""
    a_action = -(-clips // len(ACTION_NAMES))
    subjects = max(1, round(a_action**0.5))
    return f"--num_subjects={subjects}", f"--num_trials={-(-a_action // subjects)}"


def _measure(workers: int, dataset: str, *arguments: str) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        out_dir = Path(folder) / "set"
        command = [sys.executable, "-m", "data_prep.prepare", f"--dataset={dataset}", *arguments]
        start = time.monotonic()
        with subprocess.Popen(
            [*command, f"--workers={workers}", f"--out_dir={out_dir}"], stdout=subprocess.DEVNULL
        ) as process:
            # The usage of the process and of all it waited for itself: its workers.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - start
        if process.returncode:
            raise UserError("The preparation must succeed", f"exit status {process.returncode}")
        unit = 1 if sys.platform == "darwin" else 1024
        return Measured(len(PreparedSet.load(out_dir)), seconds, usage.ru_maxrss * unit)


def _show(dataset: str, workers: int, run: Measured) -> None:
    print(
        f"{dataset:<18} {run.clips:>6} {workers:>7} {run.seconds:>8.2f} "
        f"{run.clips / run.seconds:>8.1f} {run.peak_bytes / 2**20:>9.1f}",
        flush=True,
    )


if __name__ == "__main__":
    run_command(main, ThroughputArguments)
