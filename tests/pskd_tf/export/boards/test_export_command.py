"""`python -m pskd_tf.export`."""

import shutil
from functools import partial

import pytest

from project import run_command
from pskd_tf.device.recognizer import ChosenSettings, RecognizerSettings


@pytest.fixture
def export(exported):
    """Runs the command on the fixture's export."""

    return partial(run_command, "pskd_tf.export", f"--run_dir={exported.parent}")


def test_a_project_is_written_once(export, tmp_path):
    out = tmp_path / "on_my_wrist"
    dry = export("--target=arduino", f"--out={out}", "--dry_run")
    assert dry.returncode == 0 and str(out / "on_my_wrist.ino") in dry.stdout
    assert dry.stdout.endswith(f" files: {out}\n") and list(tmp_path.iterdir()) == []
    finished = export("--target=arduino", f"--out={out}", "--axes=-y,+x,+z", "--threshold=0.75")
    assert finished.returncode == 0 and not finished.stderr
    written = sorted(str(path) for path in out.rglob("*") if path.is_file())
    assert written == sorted(line.split()[-1] for line in dry.stdout.splitlines()[:-1])
    assert finished.stdout.splitlines()[-2:] == [
        f"result: {out}",
        f"next: arduino-cli compile --profile nano33ble {out}",
    ]
    settings = (out / "src" / "project_settings.h").read_text()
    assert "filter.enter = 0.75f" in settings and "filter.leave = 0.600000024f" in settings
    again = export("--target=arduino", f"--out={out}")
    assert again.returncode == 2 and again.stderr.count("\n") == 1
    assert "out must be a new or an empty folder" in again.stderr


def test_the_chosen_settings_of_the_run_are_used(exported, export, tmp_path):
    """Unless the command line says otherwise."""
    run_dir = tmp_path / "run"
    shutil.copytree(exported, run_dir / "export")
    ChosenSettings(RecognizerSettings(threshold=0.875, rest_samples=9), {}).write(run_dir)
    for name, flags, enter in (("a", [], "0.875f"), ("b", ["--threshold=0.25"], "0.25f")):
        out = tmp_path / name
        finished = export(f"--run_dir={run_dir}", "--target=cmake", f"--out={out}", *flags)
        assert finished.returncode == 0, finished.stderr
        settings = (out / "src" / "project_settings.h").read_text()
        assert f"filter.enter = {enter}" in settings and "rest_samples = 9;" in settings


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--out=x"], "--target must be given"),
        (["--out=x", "--target=toaster"], "target must be one of"),
        (["--out=x", "--target=cmake", "--axes=+x,+x,+z"], "each axis of the sensor once"),
        (["--out=x", "--target=cmake", "--threshold=2"], "threshold must lie in 0..1"),
    ],
)
def test_mistakes_are_one_line(export, arguments, rule):
    finished = export(*arguments)
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert rule in finished.stderr
