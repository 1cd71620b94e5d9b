"""Small UTD-MHAD files made on the spot, and the prepare command as a user starts it."""

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from data_prep.clip import Clip
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import PreparedSet
from project import ROOT


@pytest.fixture
def inertial() -> np.ndarray:
    """A still sensor, y up: (5, 6) in g and deg/s, with a ramp on the gyroscope's x axis."""
    values = np.zeros((5, 6))
    values[:, 1] = 1.0
    values[:, 3] = np.arange(5)
    return values


@pytest.fixture
def skeleton() -> np.ndarray:
    """A standing body of d_skel's shape (20, 3, 3 frames), y from 0 to 1.9 m."""
    values = np.zeros((20, 3, 3))
    values[:, 1] = np.arange(20)[:, None] / 10
    values[:, 2] = [1.0, 2.0, 3.0]
    return values


@pytest.fixture
def utd_dir(tmp_path: Path, inertial: np.ndarray, skeleton: np.ndarray) -> Path:
    """An unpacked UTD-MHAD of three clips: action 1 of subjects 1 and 2, action 22 of subject 1."""
    for name in ("a1_s1_t1", "a1_s2_t1", "a22_s1_t1"):
        _write_mat(tmp_path / f"raw/Inertial/{name}_inertial.mat", d_iner=inertial)
        _write_mat(tmp_path / f"raw/Skeleton/{name}_skeleton.mat", d_skel=skeleton)
    return tmp_path / "raw"


@pytest.fixture
def write_mat() -> Callable[..., None]:
    """Writes variables to a compressed .mat file: write_mat(path, d_iner=values)."""
    return _write_mat


@pytest.fixture
def mat_bytes() -> Callable[..., bytes]:
    """Returns the bytes of a compressed .mat file with the given variables."""
    return _mat_bytes


@pytest.fixture
def zip_folder() -> Callable[[Path], Path]:
    """Moves a folder into a zip archive beside it and returns the archive."""
    return _zip_folder


@pytest.fixture
def still_clip() -> Callable[..., Clip]:
    """Makes a clip of a still sensor; keyword arguments replace its fields."""

    def make(**changes) -> Clip:
        accelerometer = np.tile(np.float32([0, 1, 0]), (4, 1))
        return Clip(
            **{
                "clip_id": "a1_s1_t1",
                "subject": "1",
                "action": 0,
                "trial": "1",
                "sensor_place": "right_wrist",
                "accelerometer": accelerometer,
                "sources": {"accelerometer": ("watch.csv", "0" * 64)},
                **changes,
            }
        )

    return make


# Importing pandas and scipy takes most of the command's time. So one process imports the command
# and forks for each run; exit status and output are those of a process of its own.
_SERVER = """
import json, os, sys
import data_prep.loaders.utd_mhad
from data_prep.prepare import PrepareArguments, main
from data_prep.commands import run_command
for line in sys.stdin:
    arguments, folder = json.loads(line)
    child = os.fork()
    if child == 0:
        for descriptor, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CREAT), descriptor)
        sys.argv = ["data_prep.prepare", *arguments]
        run_command(main, PrepareArguments)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="session")
def _command_server() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        yield server
        server.stdin.close()


@pytest.fixture
def prepare(
    _command_server: subprocess.Popen[str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the prepare command with flags (None leaves one out)."""

    def run(**flags) -> subprocess.CompletedProcess[str]:
        flags = {"dataset": "utd_mhad", "out_dir": tmp_path / "out" / "set", **flags}
        arguments = [f"--{name}={value}" for name, value in flags.items() if value is not None]
        folder = tmp_path_factory.mktemp("output")
        print(json.dumps([arguments, str(folder)]), file=_command_server.stdin, flush=True)
        status = int(_command_server.stdout.readline())
        output = [(folder / name).read_text() for name in ("stdout", "stderr")]
        return subprocess.CompletedProcess(arguments, status, *output)

    return run


@pytest.fixture(scope="session")
def real_utd(tmp_path_factory: pytest.TempPathFactory) -> PreparedSet:
    """The real UTD-MHAD, prepared."""
    data_dir = os.environ.get("PSKD_DATA_DIR")
    if not data_dir:
        pytest.skip("PSKD_DATA_DIR is not set: no real UTD-MHAD to test on")
    raw_dir = Path(data_dir) / "utd-mhad"
    return prepare_dataset("utd_mhad", raw_dir, tmp_path_factory.mktemp("utd") / "set")


def _mat_bytes(**variables: np.ndarray) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, variables, do_compression=True)
    return stream.getvalue()


def _write_mat(path: Path, **variables: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_mat_bytes(**variables))


def _zip_folder(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stream:
        for path in sorted(folder.iterdir()):
            stream.write(path, f"{folder.name}/{path.name}")
            path.unlink()
    folder.rmdir()
    return archive
