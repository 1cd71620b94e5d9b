"""The command `python -m pskd_tf.compress`: what it says it would do, and what it refuses."""

import json
from functools import partial
from pathlib import Path

import pytest

from project import run_command
from pskd_tf.settings import RunSettings


@pytest.fixture
def run_dir(tmp_path) -> Path:
    (tmp_path / "settings.json").write_text(json.dumps(RunSettings().to_json()))
    return tmp_path


compress = partial(run_command, "pskd_tf.compress")


def test_a_dry_run_counts_stages_and_writes_nothing(run_dir, prepared):
    before = sorted(run_dir.rglob("*"))
    flags = (f"--run_dir={run_dir}", f"--prepared_dir={prepared.folder}")
    done = compress(*flags, "--max_flash_kb=24", "--max_arena_kb=6.5", "--dry_run")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "slim: 3 stages, 0 there already" in lines  # one for each subject left out
    assert lines[-2] == f"result: {run_dir / 'compression.md'}"
    assert lines[-1].startswith(f"next: python -m pskd_tf.compress --run_dir={run_dir}")
    assert sorted(run_dir.rglob("*")) == before and not done.stderr


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ((), "Give a limit (--max_flash_kb, --max_arena_kb, --max_macs) or --pareto."),
        (("--max_macs=0",), "max_macs must be positive. Received: 0"),
        (("--max_macs=9", "--workers=0"), "workers must be positive. Received: 0"),
    ],
)
def test_mistakes_are_one_line(run_dir, prepared, flags, message):
    done = compress(f"--run_dir={run_dir}", f"--prepared_dir={prepared.folder}", *flags)
    assert (done.returncode, done.stderr) == (2, f"error: {message}\n")
