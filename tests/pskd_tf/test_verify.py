"""Damage to the files of a run: it is found, named with what heals, and never a traceback."""

import importlib
import json
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from damage import FILE_DAMAGE
from data_prep.commands import run_command
from data_prep.errors import UserError
from project import ROOT
from pskd_tf.run_records import RUN_FORMAT, publish
from pskd_tf.runs.finished_run import load_run


@dataclass(frozen=True)
class Ending:
    """How a command ended: its exit status and what it printed."""

    status: int
    output: str
    errors: str


@pytest.fixture
def command(monkeypatch, capsys) -> Iterator[Callable[..., Ending]]:
    """Runs a command in this process; an exception that escapes it fails the test."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.getsignal(number) for number in numbers]
    monkeypatch.chdir(ROOT)

    def run(name: str, *flags: object) -> Ending:
        module = importlib.import_module(f"pskd_tf.{name}")
        monkeypatch.setattr(sys, "argv", [name, *map(str, flags)])
        kind = next(iter(module.main.__annotations__.values()))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            run_command(module.main, kind)
        printed = capsys.readouterr()
        return Ending(ended.value.code, printed.out, printed.err)

    yield run
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def copied_run(tiny_run, tmp_path_factory) -> Path:
    """A tiny run with all that further commands may leave in its folder."""
    run_dir = tmp_path_factory.mktemp("damage") / "run"
    shutil.copytree(tiny_run, run_dir)
    shutil.copytree(run_dir / "export", run_dir / "compressed" / "export")
    (run_dir / "compression.json").write_text(
        '{"candidates": [{"name": "a", "method": "ptq", "flash_bytes": 9, "int8_accuracy": 0.5}]}'
    )
    (run_dir / "recognizer.json").write_text('{"settings": {"threshold": 0.5}, "made_by": {}}')
    names = ("compression.json", "recognizer.json", "compressed/export/manifest.json")
    publish(run_dir, names)
    return run_dir


# One stage of each kind, and every file of the rest.
_STAGES = ("baseline*", "in_sample*", "compressed*", "score-int8*")
_PATTERNS = ("*.json", "export/*", "compressed/export/manifest.json", "prepared/*")
_PATTERNS += tuple(f"stages/{name}/*" for name in _STAGES)
_READING = {
    "verify": (),
    "evaluate": ("--dry_run",),
    "report": ("--dry_run",),
    "export.__main__": ("--dry_run", "--target=arduino", "--out=no_such_folder"),
    "simulate": ("--dry_run", "--idle_hours=1"),
    "compress": ("--dry_run", "--max_flash_kb=24"),
    "train": ("--dry_run", "--flagfile=configs/tiny.flags"),
}
# What older versions lack is no damage.
_MAY_BE_ABSENT = ("run.json", "files.json", "recognizer.json", "compression.json")


def files_of(run_dir: Path) -> list[Path]:
    """Returns the files to be damaged."""
    return sorted(path for pattern in _PATTERNS for path in run_dir.glob(pattern))


def damaged(path: Path, damage: str, use: Callable[[], None]) -> None:
    """Damages a file, uses it and puts it back."""
    content = path.read_bytes()
    FILE_DAMAGE[damage](path)
    try:
        use()
    finally:
        if path.is_dir():
            path.rmdir()
        path.write_bytes(content)


def test_an_undamaged_run_is_verified(command, copied_run):
    ending = command("verify", f"--run_dir={copied_run}")
    assert (ending.status, ending.errors) == (0, "")
    assert " files and stages checked, 0 damaged\n" in ending.output
    assert len(files_of(copied_run)) > 40


@pytest.mark.parametrize("damage", FILE_DAMAGE)
def test_verify_names_each_damaged_file_and_what_heals(command, copied_run, damage):
    for path in files_of(copied_run):

        def use(path: Path = path) -> None:
            ending = command("verify", f"--run_dir={copied_run}")
            is_absent = damage == "removed" and path.name in _MAY_BE_ABSENT
            assert ending.status == (0 if is_absent else 1), (path, ending)
            if not is_absent:
                line = next(one for one in ending.output.splitlines() if str(path) in one)
                assert line.startswith("damaged: ")
                assert "\n  heals: " in ending.output

        damaged(path, damage, use)


@pytest.mark.slow
@pytest.mark.parametrize("damage", FILE_DAMAGE)
@pytest.mark.parametrize("name", [one for one in _READING if one != "verify"])
def test_no_command_ends_in_a_traceback(command, copied_run, name, damage):
    for path in files_of(copied_run):

        def use() -> None:
            ending = command(name, f"--run_dir={copied_run}", *_READING[name])
            assert ending.status in (0, 2)
            lines = ending.errors.splitlines()
            assert len(lines) == (ending.status == 2) and all(len(one) < 1000 for one in lines)

        damaged(path, damage, use)


@pytest.mark.parametrize("damage", FILE_DAMAGE)
def test_a_damaged_run_is_refused_in_python(copied_run, damage):
    for name in ("run.json", "metrics.json", "settings.json", "export/manifest.json"):

        def use(name: str = name) -> None:
            if (damage, name) == ("removed", "run.json"):
                return
            with pytest.raises(UserError, match=name.replace(".", r"\.")):
                load_run(copied_run)

        damaged(copied_run / name, damage, use)


def test_what_is_no_run_and_what_is_not_at_hand_are_said(command, copied_run, tmp_path):
    ending = command("verify", f"--run_dir={tmp_path}")
    assert (ending.status, ending.output) == (2, "")
    assert "A run's folder holds run.json or metrics.json. Received: neither" in ending.errors
    elsewhere = (f"--stages_dir={tmp_path / 'no'}", f"--prepared_dir={tmp_path / 'none'}")
    ending = command("verify", f"--run_dir={copied_run}", *elsewhere)
    assert ending.status == 0 and ending.output.count("not at hand: ") == 2


@pytest.mark.parametrize("name", _READING)
def test_a_run_of_another_format_is_refused_in_one_line(command, copied_run, name):
    path = copied_run / "run.json"
    content = path.read_text()
    newer = json.loads(content) | {"run_format": RUN_FORMAT + 1, "further": {}}
    path.write_text(json.dumps(newer))
    try:
        ending = command(name, f"--run_dir={copied_run}", *_READING[name])
    finally:
        path.write_text(content)
    assert (ending.status, ending.errors.count("\n")) == (2, 1)
    assert "reads runs of format 1; take the version that made the run" in ending.errors
    assert f"Received: 2 (file: {path})" in ending.errors
