"""Projects of the fixture's export, and compilers."""

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from project import MICROCONTROLLER
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project, write_board_project
from pskd_tf.export.boards.targets import BOARD_TARGETS


@pytest.fixture(scope="session")
def stubs() -> Path:
    return MICROCONTROLLER / "stubs"


@pytest.fixture(scope="session")
def compile_with() -> Callable[..., None]:
    """Runs a compiler with warnings as errors; a test that needs an absent one is skipped."""

    def run(program: str, *arguments: object) -> None:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        command = [program, "-Wall", "-Wextra", "-Werror", "-ffp-contract=off"]
        finished = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True)
        assert finished.returncode == 0 and not finished.stderr, finished.stderr

    return run


@pytest.fixture(scope="session")
def make_project(exported, tmp_path_factory) -> Callable[..., Path]:
    """Writes a project of the fixture's export."""

    def make(target: str, runtime: str = "plain_c", axes: str = "+x,+y,+z", **settings) -> Path:
        out = tmp_path_factory.mktemp("projects") / f"{target}_{runtime}"
        files = board_project(
            exported.parent,
            BOARD_TARGETS[target],
            out.name,
            runtime=runtime,
            axes=AxisMap.parse(axes),
            settings=RecognizerSettings(**settings),
        )
        write_board_project(out, files)
        return out

    return make


@pytest.fixture(scope="session")
def host_objects(make_project, compile_with, tmp_path_factory) -> dict[str, Path]:
    """Objects of a cmake project in plain C, by source; board.c is compiled for each test."""
    sources = sorted((make_project("cmake", threshold=0.3) / "src").glob("*.c"))
    folder = tmp_path_factory.mktemp("objects")
    objects = {}
    for source in sources:
        objects[source.name] = folder / f"{source.stem}.o"
        command = ("gcc", "-std=c99", "-O2", "-fPIC", SENDS_SAMPLES, "-c", source)
        compile_with(*command, "-o", objects[source.name])
    return objects


# As the tests read the samples.
SENDS_SAMPLES = "-DPSKD_SENDS_SAMPLES=1"


# Sizes and settings that only C knows.
SHIM = """\
#include "project_settings.h"
int32_t loop_bytes(void);
void start_loop(PskdActivityLoop *loop, const PskdAccelerometer *accelerometer, PskdWrite write);
int32_t loop_bytes(void) { return (int32_t)sizeof(PskdActivityLoop); }
void start_loop(PskdActivityLoop *loop, const PskdAccelerometer *accelerometer, PskdWrite write) {
  PskdLoopSettings settings;
  pskd_project_settings(&settings);
  pskd_activity_loop_start(loop, &settings, accelerometer, write, PSKD_PROJECT);
}
"""


@pytest.fixture(scope="session")
def core_shim() -> str:
    return SHIM


@pytest.fixture(scope="session")
def core_library(
    make_project, host_objects, compile_with, core_shim, tmp_path_factory
) -> ctypes.CDLL:
    """The core without application and board, callable from Python."""
    folder = tmp_path_factory.mktemp("core")
    (folder / "shim.c").write_text(core_shim)
    sources = make_project("cmake", threshold=0.3) / "src"
    left_out = ("main.c", "board.c", "application.c")
    objects = [path for name, path in host_objects.items() if name not in left_out]
    library = folder / "core.so"
    compile_with(
        *("gcc", "-std=c99", "-shared", "-fPIC", SENDS_SAMPLES, f"-I{sources}"),
        *(folder / "shim.c", *objects),
        *("-o", library, "-lm"),
    )
    return ctypes.CDLL(str(library))


@pytest.fixture(scope="session")
def recording(int8_student) -> np.ndarray:
    """(samples, 3) float32 in g: clips between seconds of rest."""
    generator = np.random.default_rng(0)
    rest = lambda: generator.normal((0, 0, 1), 0.004, (100, 3))  # noqa: E731
    clips = [int8_student.clips[index] for index in (9, 17, 26, 40)]
    parts = [part for clip in clips for part in (rest(), clip, rest())]
    return np.concatenate(parts).astype(np.float32)


@pytest.fixture(scope="session")
def run_host(
    make_project, host_objects, compile_with, tmp_path_factory
) -> Callable[..., list[str]]:
    """Runs a cmake project with given axes on samples; returns the lines that it sent."""

    def run(samples: np.ndarray, axes: str = "+x,+y,+z", start_us: int = 0) -> list[str]:
        folder = tmp_path_factory.mktemp("host")
        board = make_project("cmake", axes=axes) / "src" / "board.c"
        compile_with("gcc", "-std=c99", "-c", board, "-o", folder / "board.o")
        objects = [path for name, path in host_objects.items() if name != "board.c"]
        compile_with("gcc", *objects, folder / "board.o", "-o", folder / "host", "-lm")
        stamps = (start_us + 20_000 * np.arange(len(samples))) % (1 << 32)
        rows = zip(stamps, samples, strict=True)
        text = "".join(f"{us},{x:.9g},{y:.9g},{z:.9g}\n" for us, (x, y, z) in rows)
        finished = subprocess.run(
            [folder / "host"], input=f"time_us,x,y,z\n{text}", capture_output=True, text=True
        )
        assert finished.returncode == 0 and not finished.stderr
        return finished.stdout.splitlines()

    return run
