"""The command on a pseudo-terminal."""

import itertools

import numpy as np
import pytest

from data_prep.loaders.custom.loader import CustomLoader
from project import run_command
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.axes import WRIST_POSES

HEADER = "pskd,1,0123456789ab,plain_c,50.000,8.0,{},8"


def said(samples, axes="+x+y+z"):
    """Lines as a board sends them, after the end of one that was missed."""
    lines = ["12,0.1", "boot: \xff", HEADER.format(axes), "status,0,model_started,0"]
    for index, (x, y, z) in enumerate(samples):
        lines.append(f"sample,{20_000 * index},{x:.5f},{y:.5f},{z:.5f}")
        if index % 50 == 49:
            lines.append(f'activity,{20_000 * index},3,"wave, both",0.912')
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def noisy(means, seconds=2):
    generator = np.random.default_rng(0)
    return np.concatenate([generator.normal(mean, 0.01, (50 * seconds, 3)) for mean in means])


def test_live(monitor):
    finished = monitor(said(noisy([(0, 0, 1)], 5)), "--seconds=3")
    assert finished.returncode == 0 and not finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[1].startswith(
        "project 0123456789ab, plain_c, 8 classes, 50 Hz, +-8 g, axes +x+y+z"
    )
    assert lines[2].split() == ["0.00", "s", "status", "model_started", "0"]
    assert lines[3].split() == ["0.98", "s", "0.912", "wave,", "both"]
    assert lines[-3] == "3 activities"
    assert lines[-2].startswith("result: ") and lines[-1].startswith("next: ")


def test_recordings_load_through_the_custom_loader(monitor, tmp_path):
    values = noisy([(0, 0, 1), (0.5, 0.5, 0.5)])
    for subject, label in itertools.product(("anna", "berta"), ("wave", "clap")):
        path = tmp_path / f"{subject}_{label}.csv"
        arguments = [f"--record={path}", f"--label={label}", f"--subject={subject}"]
        finished = monitor(said(values), *arguments, "--seconds=3")
        assert finished.returncode == 0, finished.stderr
        assert "151 samples, 3.00 s, 50.00 Hz" in finished.stdout
        assert finished.stdout.splitlines()[-2] == f"result: {path}"
    loader = CustomLoader(manifest=tmp_path / "manifest.csv")
    sources = loader.discover().sources
    assert len(sources) == 4
    for source in sources:
        read = loader.read(source).accelerometer
        np.testing.assert_allclose(read, values[:151], atol=0.6e-5)
    again = monitor(b"", *arguments)
    assert again.returncode == 2 and "record must be a new file" in again.stderr


@pytest.mark.parametrize("axes", ["+x,+y,+z", "-y,+x,+z"])
def test_the_check_names_the_axes(monitor, axes):
    """A board that applies -z,+y,+x already, mounted as `axes` after that would correct."""
    mounted = AxisMap.parse(axes)
    poses = [mounted.inverse().apply(sign * np.eye(3)[axis]) for axis, sign in WRIST_POSES.values()]
    finished = monitor(said(noisy(poses), "-z+y+x"), "--check_axes")
    right = mounted.after(AxisMap.parse("-z,+y,+x"))
    assert not finished.stderr and "warning" not in finished.stdout
    if mounted == AxisMap():
        assert finished.returncode == 0
        assert "result: the axes -z,+y,+x are those of the training" in finished.stdout
    else:
        assert finished.returncode == 1
        assert f"the axes must be {right.text}, not -z,+y,+x" in finished.stdout
        assert f"--axes={right.text}" in finished.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        ([], "--port must be given"),
        (["--port=/no/such/port"], "port must be a serial port"),
        (["--port=p", "--record=a.csv"], "--record needs --label and --subject"),
        (["--port=p", "--label=wave"], "go with --record"),
    ],
)
def test_mistakes_are_one_line(arguments, rule):
    finished = run_command("pskd_tf.monitor", *arguments)
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert rule in finished.stderr


def test_a_dry_run_opens_nothing(tmp_path):
    path = tmp_path / "a.csv"
    arguments = (f"--record={path}", "--label=wave", "--subject=anna", "--dry_run")
    finished = run_command("pskd_tf.monitor", "--port=/no/such/port", *arguments)
    assert finished.returncode == 0
    assert finished.stdout.startswith(
        "would listen on /no/such/port at 115200 baud and record wave"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_board_of_another_version_is_refused(monitor):
    finished = monitor(b"pskd,2,new\r\n")
    assert finished.returncode == 2 and "export its project again" in finished.stderr


@pytest.mark.parametrize("arguments", [["--check_axes"], ["--label=wave", "--subject=anna"]])
def test_a_board_that_sends_no_samples_is_named(monitor, tmp_path, arguments):
    if len(arguments) == 2:
        arguments = [f"--record={tmp_path / 'one.csv'}", *arguments]
    lines = [HEADER.format("+x+y+z"), 'activity,5,1,"wave",0.9', HEADER.format("+x+y+z"), ""]
    finished = monitor("\r\n".join(lines).encode(), *arguments)
    assert finished.returncode == 2 and finished.stderr.count("\n") == 1
    assert "build its project with -DPSKD_SENDS_SAMPLES=1" in finished.stderr
    assert list(tmp_path.iterdir()) == []
