"""The C compiler and, where there is one, `accelerometer_features.c` as a shared library."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from project import MICROCONTROLLER

WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off"]


@pytest.fixture(scope="session")
def sources() -> Path:
    return MICROCONTROLLER


@pytest.fixture(scope="session")
def compiler():
    """Runs gcc or g++ with warnings as errors; a test that needs an absent one is skipped."""

    def run(program: str, *arguments: object) -> None:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        command = [program, *WARNINGS, *map(str, arguments)]
        finished = subprocess.run(command, capture_output=True, text=True)
        assert finished.returncode == 0 and not finished.stderr, finished.stderr

    return run


@pytest.fixture(scope="session")
def features_library(exported, sources, compiler, tmp_path_factory) -> ctypes.CDLL:
    """`accelerometer_features.c` with the export's settings, callable from Python."""
    library = tmp_path_factory.mktemp("library") / "features.so"
    compiler(
        "gcc",
        *("-std=c99", "-O2", "-shared", "-fPIC", "-Wdouble-promotion", "-Wconversion"),
        *(f"-I{exported}", sources / "src" / "accelerometer_features.c", "-o", library, "-lm"),
    )
    return ctypes.CDLL(str(library))


@pytest.fixture(scope="session")
def data_folder() -> Path:
    if "PSKD_DATA_DIR" not in os.environ:
        pytest.skip("PSKD_DATA_DIR does not name the folder of the official downloads")
    return Path(os.environ["PSKD_DATA_DIR"])
