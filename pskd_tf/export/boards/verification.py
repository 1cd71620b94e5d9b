"""Builds a written project with its own ecosystem and says what differs.

`check_tools` refuses what is missing; `changed_files` compares the folder with the export;
`build_project` builds a copy of it and, where it can run, compares the golden vectors.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from data_prep.errors import UserError
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project
from pskd_tf.export.boards.targets import BOARD_TARGETS

RECORD_NAME = "pskd_project.json"
# The wiring, the application's settings and build files: the user's to change.
_OF_THE_USER = re.compile(
    r"(board|main)\.(c|cpp)|project_settings\.h|\w+\.ino|README\.md|CMakeLists\.txt"
    r"|(prj|sdkconfig)\.\w+|\w+\.(ini|yaml|yml)"
)
# A target that runs prints its status lines at once.
_RUN_SECONDS = 60.0


@dataclass(frozen=True)
class Ecosystem:
    """How a project is built.

    Attributes:
        tools: What to install, by the program that is missing.
        commands: They are split into words before `{project}`, `{build}`, `{board}`,
            `{checkout}`, `{library}` and `{name}` are filled in.
        run: The command that runs the program, for targets that run on this machine.
        variables: What must be set in the environment, and to what.
        checkout: What `checkout` must be; empty if the target needs none.
        needs_board: Whether a board must be named.
        tflm: What tflm needs beside: an end of the first command.
    """

    tools: Mapping[str, str]
    commands: tuple[str, ...]
    run: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    checkout: str = ""
    needs_board: bool = False
    tflm: str = ""


_CMAKE = {"cmake": "pip install cmake, or your system's package cmake"}
_ARM = {"arm-none-eabi-gcc": "Arm GNU Toolchain; Debian: gcc-arm-none-eabi"}
ECOSYSTEMS: Mapping[str, Ecosystem] = MappingProxyType(
    {
        "cmake": Ecosystem(
            tools=_CMAKE | {"cc": "a C compiler; Debian: gcc"},
            commands=("cmake -S {project} -B {build}", "cmake --build {build}"),
            run="{build}/{name}",
            tflm=" -DTFLM_DIR={checkout} -DTFLM_LIBRARY={library}",
        ),
        "zephyr": Ecosystem(
            tools=_CMAKE | {"west": "pip install west, then a Zephyr workspace and its SDK"},
            commands=("west build -b {board} -d {build} {project}",),
            run="west build -d {build} -t run",
            variables={"ZEPHYR_BASE": "the folder zephyr of your workspace"},
            needs_board=True,
        ),
        "esp_idf": Ecosystem(
            tools={"idf.py": "ESP-IDF 5.3 or newer, then `. export.sh` in its folder"},
            commands=("idf.py -C {project} -B {build} build",),
            variables={"IDF_PATH": "the folder of ESP-IDF; its export.sh does so"},
        ),
        "arduino": Ecosystem(
            tools={"arduino-cli": "https://arduino.github.io/arduino-cli"},
            commands=("arduino-cli compile --profile nano33ble --build-path {build} {project}",),
        ),
        "platformio": Ecosystem(
            tools={"pio": "pip install platformio"},
            commands=("pio run --project-dir {project}",),
        ),
        "stm32": Ecosystem(
            tools=_CMAKE | _ARM,
            commands=("cmake --preset Debug -S {checkout} -B {build}", "cmake --build {build}"),
            checkout="the CubeMX project whose CMakeLists.txt adds this folder",
        ),
    }
)


@dataclass(frozen=True)
class BuildReport:
    """What building a project showed.

    Attributes:
        failure: The first error of the first command that failed; None if all went well.
        warnings: Warnings in files of the project.
        model: The status line about the model, as "model_started,0"; None if it did not run.
        differing_clips: Golden clips with other outputs; None if it did not run.
    """

    failure: str | None
    warnings: tuple[str, ...] = ()
    model: str | None = None
    differing_clips: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether it was built, and the model gives the golden outputs where it ran."""
        ran_well = self.model in (None, "model_started,0") and not self.differing_clips
        return self.failure is None and ran_well


def read_record(folder: Path, target: str) -> dict[str, Any]:
    """Reads what a project was made of.

    Args:
        folder: The project.
        target: The ecosystem that the user named.

    Raises:
        UserError: It is no project of this target.
    """
    try:
        record = json.loads((folder / RECORD_NAME).read_text(encoding="ascii"))
        made_for = str(record["target"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        rule = f"--verify needs a project in --out, with its {RECORD_NAME}; write it first"
        raise UserError(rule, f"none ({type(error).__name__})", folder) from error
    if made_for != target:
        raise UserError("--target must be that of the project", f"{target}, not {made_for}", folder)
    return dict(record)


def check_tools(target: str, runtime: str, board: str | None, checkout: Path | None) -> None:
    """Raises `UserError` for the first thing that a build of a target needs and that is missing."""
    ecosystem = ECOSYSTEMS[target]
    for program, source in ecosystem.tools.items():
        if shutil.which(program) is None:
            raise UserError(f"--target={target} needs {program}; install {source}", "it is missing")
    for name, value in ecosystem.variables.items():
        if not os.environ.get(name):
            raise UserError(f"--target={target} needs {name}: {value}", "it is not set")
    if ecosystem.needs_board and not board:
        raise UserError(f"--verify with --target={target} needs --board", "none")
    if ecosystem.tflm and runtime == "tflm":
        need = "a checkout of tflite-micro in which `make ... microlite` was run"
    else:
        need = ecosystem.checkout
    if need and (checkout is None or not checkout.is_dir()):
        raise UserError(f"--checkout must be {need}", checkout or "none")


def changed_files(
    run_dir: Path, folder: Path, record: Mapping[str, Any], settings: RecognizerSettings
) -> tuple[list[str], list[str]]:
    """Compares a project with what its export gives now.

    Args:
        run_dir: The run that it was made from.
        folder: The project.
        record: From `read_record`.
        settings: Settings of the recognizer; `project_settings.h` may differ.

    Returns:
        The generated files that differ or are missing, and the user's own that differ.

    Raises:
        UserError: The run's export is damaged, or is another one than the project's.
    """
    files = board_project(
        run_dir,
        BOARD_TARGETS[record["target"]],
        folder.absolute().name,
        runtime=record["runtime"],
        axes=AxisMap.parse(record["axes"]),
        settings=settings,
        features=record["features"],
        weights=record["weights"],
        in_slot=record["model_slot"],
        symbol_prefix=record["symbol_prefix"],
    )
    made_of = json.loads(files.pop(RECORD_NAME))["export_manifest_sha256"]
    if made_of != record["export_manifest_sha256"]:
        rule = "The project must be of the run's export; write it again"
        raise UserError(rule, record["export_manifest_sha256"], folder / RECORD_NAME)
    differing: list[str] = []
    own: list[str] = []
    for name, body in sorted(files.items()):
        path = folder / name
        if not path.is_file() or path.read_bytes() != body:
            is_own = _OF_THE_USER.fullmatch(path.name) and path.is_file()
            (own if is_own else differing).append(name)
    return differing, own


def build_project(
    folder: Path, record: Mapping[str, Any], board: str | None, checkout: Path | None
) -> BuildReport:
    """Builds a copy of a project with its golden vectors, and runs it where it can.

    Args:
        folder: The project; nothing is written there.
        record: From `read_record`.
        board: The board's name, for zephyr; one of QEMU (`qemu_...`, `mps2_...`) is run.
        checkout: Where the ecosystem's own sources lie, for targets that need it.

    Returns:
        What it showed. `stm32` builds the folder that the CubeMX project adds, without vectors.
    """
    ecosystem = ECOSYSTEMS[record["target"]]
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / folder.absolute().name
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("build"))
        for source in copy.rglob("self_test.c"):
            source.write_text(f"#define PSKD_SELF_TEST 1\n{source.read_text()}")
        libraries = sorted(checkout.rglob("libtensorflow-microlite.a")) if checkout else []
        values = {
            "project": copy,
            "name": copy.name,
            "build": Path(temporary) / "build",
            "board": board or "",
            "checkout": checkout.absolute() if checkout else "",
            "library": libraries[0] if libraries else "",
        }
        first, *rest = ecosystem.commands
        first += ecosystem.tflm if record["runtime"] == "tflm" else ""
        warnings: list[str] = []
        for words in (first, *rest):
            command = [word.format(**values) for word in words.split()]
            finished = subprocess.run(
                command, cwd=copy, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            text = finished.stdout.replace(str(copy), "")
            if finished.returncode:
                return BuildReport(_first_error(text, command[0], finished.returncode))
            warnings += re.findall(r"^/?.*\bwarning: .*$", text, re.MULTILINE)
        if not _runs(record["target"], board):
            return BuildReport(None, tuple(warnings))
        command = [word.format(**values) for word in ecosystem.run.split()]
        if record["model_slot"]:
            command.append(str(copy / "model_slot.bin"))
        said = _status_lines(command, copy)
    differing = said.get("differing_clips")
    model = next((word for word in said if word.startswith(("model_", "slot_"))), None)
    if model is None or differing is None:
        return BuildReport("the program sent no status lines", tuple(warnings))
    return BuildReport(None, tuple(warnings), f"{model},{said[model]}", differing)


def _runs(target: str, board: str | None) -> bool:
    emulated = (board or "").startswith(("qemu_", "mps2", "mps3", "native_sim"))
    return target == "cmake" or (target == "zephyr" and emulated)


def _first_error(text: str, program: str, status: int) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = next((line for line in lines if re.search(r"\berror\b", line, re.IGNORECASE)), None)
    return first or (lines[-1] if lines else f"{program} ended with {status}")


def _status_lines(command: Sequence[str], folder: Path) -> dict[str, int]:
    """Runs a program until it has said how its golden clips went; returns word and number."""
    said: dict[str, int] = {}
    with subprocess.Popen(
        ["timeout", str(_RUN_SECONDS), *command],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            found = re.search(r"status,\d+,(\w+),(-?\d+)", line)
            if found:
                said[found[1]] = int(found[2])
            if "differing_clips" in said:
                break
        process.terminate()
    return said
