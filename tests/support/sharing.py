"""What is slow to make is made by one worker of pytest-xdist and read by all."""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Path:
    """Returns a folder that the first caller of a test session makes; the others wait for it.

    Tests only read it: one that needs to write takes a copy.

    Args:
        tmp_path_factory: Of the worker.
        name: The folder's name, the same in all workers.
        make: Fills the empty folder. Where it fails, the next worker tries again.
    """
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent
    folder, made = session / "shared" / name, session / "shared" / f"{name}.made"
    folder.parent.mkdir(exist_ok=True)
    with open(folder.parent / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.write_text(repr(contents(folder)), encoding="utf-8")
    return folder


def check_unchanged(folder: Path) -> None:
    """Asserts that no test wrote into a folder of `made_once`."""
    before = folder.with_name(f"{folder.name}.made").read_text(encoding="utf-8")
    assert repr(contents(folder)) == before, f"a test wrote into {folder}"


def contents(folder: Path) -> dict[str, int]:
    """Returns every path in a folder but locks, with the time of its last change, in ns."""
    paths = (path for path in sorted(folder.rglob("*")) if path.name != ".lock")
    return {str(path): path.stat().st_mtime_ns for path in paths}


def result_hashes(run_dir: Path) -> dict[str, str]:
    """Returns hashes of all that a run leaves, without the times in it and hashes of such files."""
    found = {}
    for path in sorted([*run_dir.glob("export/*"), *run_dir.glob("stages/*/*")]):
        if path.name == "files.json":
            continue
        if path.name in ("result.json", "stage.json"):
            content = json.loads(path.read_text(encoding="utf-8"))
            content.pop("wall_seconds", None)
            text = json.dumps(content, sort_keys=True).encode()
        else:
            text = path.read_bytes()
        found[str(path.relative_to(run_dir))] = hashlib.sha256(text).hexdigest()
    metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
    metrics.pop("wall_seconds")
    found["metrics"] = hashlib.sha256(json.dumps(metrics).encode()).hexdigest()
    return found
