"""Writes a run's student as a whole project for a board.

python -m pskd_tf.export --run_dir=RUN --target=arduino --out=DIR
python -m pskd_tf.export --run_dir=RUN --target=esp_idf --runtime=plain_c --axes=-y,+x,+z --out=DIR
python -m pskd_tf.export --run_dir=RUN --target=cmake --out=DIR --verify

Targets: arduino (Nano 33 BLE Sense, LSM9DS1), platformio and esp_idf (ESP32 with MPU-6050 or LSM6),
zephyr (sensor API), stm32 (STM32Cube), cmake (any machine, samples from a file).

--verify compares a project with its run, builds a copy of it with your own checkout of the
ecosystem, and runs the golden vectors where it can.

Exit status: 0 if all is well, 1 if something differs or does not build, 2 for a mistake that the
user can mend or a tool that is missing (one line says which), 130 if interrupted, 143 if
terminated.
"""

import dataclasses
import sys
from dataclasses import dataclass
from pathlib import Path

from data_prep.commands import print_result, run_command
from data_prep.settings import REQUIRED, setting
from pskd_tf.arguments import RunArguments
from pskd_tf.data.fixed_features import FEATURES
from pskd_tf.device.recognizer import RecognizerSettings, recognizer_settings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import (
    RUNTIMES,
    board_project,
    check_project_folder,
    write_board_project,
)
from pskd_tf.export.boards.symbols import DEFAULT_PREFIX
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.boards.verification import (
    build_project,
    changed_files,
    check_tools,
    read_record,
)
from pskd_tf.export.plain_c.arithmetic import WEIGHTS


@dataclass(frozen=True)
class ExportArguments(RunArguments):
    """The project to write."""

    target: str = setting(REQUIRED, "The ecosystem.", choices=tuple(BOARD_TARGETS))
    out: Path = setting(REQUIRED, "The project's folder, new or empty; its name is the project's.")
    runtime: str | None = setting(
        None,
        "TensorFlow Lite Micro or C without interpreter; by default tflm, plain_c for cmake "
        "and zephyr.",
        choices=tuple(RUNTIMES),
    )
    axes: str = setting(
        "+x,+y,+z",
        "For x, y, z of the wrist in training, the sensor's axis and sign, as pskd_tf.monitor "
        "--check_axes finds them.",
    )
    features: str = setting(
        "float",
        "Arithmetic of the features: fixed for cores without floating point unit.",
        choices=FEATURES,
    )
    weights: str = setting(
        "int8",
        "Type of the convolutions' weights in plain C: int16 saves instructions on cores with the "
        "DSP extension and takes more flash.",
        choices=WEIGHTS,
    )
    model_slot: bool = setting(
        False,
        "Plain C takes weights and tables from a partition of the flash, which can be replaced "
        "without the program; model_slot.bin is its content.",
    )
    symbol_prefix: str = setting(
        DEFAULT_PREFIX,
        "Prefix of all functions, types and macros: one for each model of an image.",
    )
    threshold: float | None = setting(
        None,
        "Score below which the activity is unknown; by default what was chosen for the run.",
        minimum=0,
        maximum=1,
    )
    verify: bool = setting(
        False, "Compare the project in --out with the run and build it; write nothing there."
    )
    board: str | None = setting(
        None, "With --verify, the board of zephyr, such as nucleo_l476rg or qemu_cortex_m3."
    )
    checkout: Path | None = setting(
        None,
        "With --verify, for cmake with tflm a built checkout of tflite-micro, for stm32 the CubeMX "
        "project.",
    )


def main(arguments: ExportArguments) -> None:
    """Makes the project and writes it, or verifies one."""
    if arguments.verify:
        _verify(arguments)
        return
    target = BOARD_TARGETS[arguments.target]
    out = arguments.out
    check_project_folder(out)
    files = board_project(
        arguments.run_dir,
        target,
        out.absolute().name,
        runtime=arguments.runtime or target.default_runtime,
        axes=AxisMap.parse(arguments.axes),
        settings=_settings(arguments),
        features=arguments.features,
        weights=arguments.weights,
        in_slot=arguments.model_slot,
        symbol_prefix=arguments.symbol_prefix,
    )
    if arguments.dry_run:
        for name, body in sorted(files.items()):
            print(f"{len(body):>9,}  {out / name}")
        print(f"would write {len(files)} files: {out}")
        return
    write_board_project(out, files)
    print(f"{len(files)} files, flash command and axes in {out / 'README.md'}")
    print_result(out, *(word.format(out=out) for word in target.build.split()))


def _verify(arguments: ExportArguments) -> None:
    out = arguments.out
    record = read_record(out, arguments.target)
    check_tools(arguments.target, record["runtime"], arguments.board, arguments.checkout)
    if arguments.dry_run:
        print(f"would compare {out} with {arguments.run_dir} and build a copy of it")
        return
    differing, own = changed_files(arguments.run_dir, out, record, _settings(arguments))
    for name in differing:
        print(f"differs from the export: {out / name}")
    for name in own:
        print(f"yours, changed: {out / name}")
    report = build_project(out, record, arguments.board, arguments.checkout)
    for line in report.warnings:
        print(f"warning of the build: {line}")
    if report.failure is not None:
        print(f"does not build: {report.failure}")
    elif report.model is None:
        print("built; golden vectors run on the board, with -DPSKD_SELF_TEST=1")
    else:
        print(f"built; {report.model}, differing golden clips: {report.differing_clips}")
    is_good = report.is_good and not differing
    result = f"{out} {'is as exported and builds' if is_good else 'is not as exported'}"
    export = ("python", "-m", "pskd_tf.export", f"--run_dir={arguments.run_dir}")
    monitor = ("python", "-m", "pskd_tf.monitor", "--port=PORT")
    again = (*export, f"--target={arguments.target}", "--out=NEW_DIR")
    print_result(result, *(monitor if is_good else again))
    if not is_good:
        sys.exit(1)


def _settings(arguments: ExportArguments) -> RecognizerSettings:
    settings = recognizer_settings(arguments.run_dir)
    if arguments.threshold is None:
        return settings
    return dataclasses.replace(settings, threshold=arguments.threshold)


if __name__ == "__main__":
    run_command(main, ExportArguments)
