"""The commands that a campaign disturbs: how each is started, and hashes of all that it leaves."""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from project import ROOT
from sharing import result_hashes

# The tiny run with few epochs: what is disturbed is the command, not the training.
_EPOCHS = ("epochs", "skeleton_teacher_epochs", "fusion_teacher_epochs")
_SHORT = [f"--{name}=3" for name in (*_EPOCHS, "accelerometer_teacher_epochs")]
TRAIN = ["pskd_tf.train", "--flagfile=configs/tiny.flags", *_SHORT, "--prune_epochs=1"]
_METHODS = [
    {"name": "cross_entropy", "title": "cross-entropy", "loss": "cross_entropy", "trials": [{}]},
    {
        "name": "forest",
        "title": "forest",
        "loss": "",
        "model": "random_forest",
        "trials": [{"n_estimators": 5}],
    },
]


@dataclass(frozen=True)
class Command:
    """A command in a folder.

    Attributes:
        name: For people.
        words: Returns its module and flags for a folder.
        hashes: Returns what it left in a folder, by name, without times.
        needs: Paths of a finished run that are copied into the folder first.
        result: What the command makes and never replaces; "" where it does.
    """

    name: str
    words: Callable[[Path], list[str]]
    hashes: Callable[[Path], dict[str, str]]
    needs: tuple[str, ...] = ()
    result: str = ""

    def fill(self, folder: Path, run_dir: Path) -> None:
        """Makes the folder as it is before the command."""
        folder.mkdir(parents=True, exist_ok=True)
        for pattern in self.needs:
            for path in run_dir.glob(pattern):
                target = folder / "run" / path.relative_to(run_dir)
                target.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if path.is_dir() else shutil.copy)(path, target)


def _train(folder: Path, workers: int = 1) -> list[str]:
    return [*TRAIN, f"--run_dir={folder / 'run'}", f"--workers={workers}"]


def _benchmark(folder: Path) -> list[str]:
    methods = folder / "methods.json"
    if not methods.exists():
        methods.write_text(json.dumps({"methods": _METHODS}))
    places = {"run_dir": "work", "results_dir": "results", "methods_file": "methods.json"}
    flags = [f"--{flag}={folder / name}" for flag, name in places.items()]
    seeds = ["--seeds=1", "--trial_seeds=1", "--validation_seeds=1", "--teachers=skeleton_teacher"]
    return ["pskd_tf.benchmark", *TRAIN[1:], *flags, *seeds]


def _compress(folder: Path) -> list[str]:
    limits = ["--max_flash_kb=30", "--slim_epochs=1", "--qat_epochs=1"]
    return ["pskd_tf.compress", f"--run_dir={folder / 'run'}", *limits]


def _export(folder: Path) -> list[str]:
    flags = ["--target=cmake", f"--out={folder / 'project'}"]
    return ["pskd_tf.export", f"--run_dir={folder / 'run'}", *flags]


def _prepare(folder: Path) -> list[str]:
    flags = ["--dataset=synthetic", "--num_subjects=12", "--num_trials=6", "--workers=2"]
    return ["data_prep.prepare", *flags, f"--out_dir={folder / 'set'}"]


def files_hashes(folder: Path, *patterns: str) -> dict[str, str]:
    """Returns hashes of files without the figures and dates that differ from run to run."""
    found = {}
    for path in sorted(path for pattern in patterns for path in folder.glob(pattern)):
        if path.is_file():
            text = path.read_bytes().replace(str(folder).encode(), b"FOLDER")
            text = re.sub(rb'"(wall_seconds|seconds)": [^,}]*[,}]', b"", text)
            found[str(path.relative_to(folder))] = hashlib.sha256(text).hexdigest()
    return found


def _cells(folder: Path) -> dict[str, str]:
    lines = (folder / "results" / "cells.csv").read_text().splitlines()
    seconds = lines[0].split(",").index("seconds")
    rows = [line.split(",") for line in lines]
    return {row[0]: ",".join(row[:seconds] + row[seconds + 1 :]) for row in sorted(rows)}


def _of_run(folder: Path) -> dict[str, str]:
    return result_hashes(folder / "run")


COMMANDS = {
    one.name: one
    for one in (
        Command("train", _train, _of_run),
        Command("train with 2 workers", lambda folder: _train(folder, 2), _of_run),
        Command("prepare", _prepare, lambda folder: files_hashes(folder, "set/*")),
        Command("benchmark", _benchmark, _cells),
        Command(
            "compress",
            _compress,
            lambda folder: files_hashes(folder, "run/compressed/export/*", "run/compression.json"),
            ("*",),
        ),
        Command("export", _export, lambda folder: files_hashes(folder, "project/**/*"), ("*",),
                "project"),
        Command("report", lambda folder: ["pskd_tf.report", f"--run_dir={folder / 'run'}"],
                lambda folder: files_hashes(folder, "run/report.html", "run/model_card.md"),
                ("*",)),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Ending:
    """How a command ended: its exit status and both streams."""

    status: int
    output: str
    errors: str

    @property
    def last_line(self) -> str:
        """The last line of standard error; progress without a terminal stands above it."""
        return (self.errors.splitlines() or [""])[-1]

    @property
    def is_traceback(self) -> bool:
        """Whether a traceback was shown."""
        return "Traceback" in self.errors + self.output


class Started:
    """A command that runs in a group of processes of its own."""

    def __init__(self, command: Command, folder: Path):
        words = command.words(folder)
        self._screen = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=ROOT,
            stdout=self._screen,
            stderr=self._errors,
            start_new_session=True,
            preexec_fn=_default_signals,
        )

    def wait(self) -> Ending:
        """Returns how the command ended, however long a busy machine takes."""
        status = self.process.wait()
        texts = []
        for stream in (self._screen, self._errors):
            stream.seek(0)
            texts.append(stream.read())
            stream.close()
        return Ending(status, *texts)

    def signal(self, number: signal.Signals, to_all: bool) -> None:
        """Sends a signal to the command alone or to its whole group."""
        if to_all:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)

    def processes(self) -> list[str]:
        """Returns the commands of the group that still run."""
        listed = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True)
        rows = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
        group = str(self.process.pid)
        return [row[-1] for row in rows if row[0] == group and not row[1].startswith("Z")]


def _default_signals() -> None:
    # A job in the background ignores Ctrl-C, one under `nohup` a hang-up; its children would too.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def partial_files(folder: Path) -> list[str]:
    """Returns what was left half-written in a folder."""
    return [str(path) for path in folder.rglob("*.partial*")]
