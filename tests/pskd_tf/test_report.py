"""The report command: its last lines and how it refuses."""

import shutil
from functools import partial

import pytest

from project import run_command

report = partial(run_command, "pskd_tf.report")


def test_dry_run_says_what_would_be_written(tiny_run):
    before = (tiny_run / "report.html").stat().st_mtime_ns
    finished = report(f"--run_dir={tiny_run}", "--dry_run")
    assert finished.returncode == 0, finished.stderr
    first, result, following = finished.stdout.splitlines()
    assert first.startswith("would write: ") and first.endswith("model_card.md")
    assert result == f"result: {tiny_run / 'report.html'}"
    assert following.startswith("next: python -m pskd_tf.report --compare ")
    assert (tiny_run / "report.html").stat().st_mtime_ns == before


def test_the_command_writes_the_report_without_noise(tiny_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(tiny_run, copy, ignore=shutil.ignore_patterns("tensorboard", "stages"))
    (copy / "report.html").unlink()
    finished = report(f"--run_dir={copy}", f"--stages_dir={tiny_run / 'stages'}")
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == ""
    assert (copy / "report.html").read_bytes() == (tiny_run / "report.html").read_bytes()


def test_compare_takes_runs_as_words(tiny_run, tmp_path):
    copy = tmp_path / "other"
    copy.mkdir()
    shutil.copy(tiny_run / "metrics.json", copy)
    shutil.copy(tiny_run / "settings.json", copy)
    out = tmp_path / "comparison.html"
    finished = report("--compare", tiny_run, copy, f"--out={out}")
    assert finished.returncode == 0, finished.stderr
    assert "+0.0 points (paired by seed, n = 1: one seed shows no spread)" in finished.stdout
    assert f"result: {out}" in finished.stdout
    assert "The settings are the same in all runs." in out.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--run_dir or --compare must be given"),
        (["--run_dir=no/such/run"], "A finished run of pskd_tf.train has metrics.json"),
        (["--compare", "RUN"], "--compare takes at least two different runs. Received: RUN"),
        (["--compare", "RUN", "RUN"], "--compare takes at least two different runs"),
        (["--run_dir=RUN", "--compare", "A", "B"], "exclude each other"),
    ],
)
def test_a_users_error_is_one_line_and_exit_status_2(arguments, message):
    refused = report(*arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
