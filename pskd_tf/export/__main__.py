"""Writes a run's student as a whole project for a board.

python -m pskd_tf.export --run_dir=RUN --target=arduino --out=DIR
python -m pskd_tf.export --run_dir=RUN --target=esp_idf --runtime=plain_c --axes=-y,+x,+z --out=DIR

Targets: arduino (Nano 33 BLE Sense, LSM9DS1), platformio and esp_idf (ESP32 with MPU-6050 or LSM6),
zephyr (sensor API), stm32 (STM32Cube), cmake (any machine, samples from a file).
"""

import dataclasses
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


def main(arguments: ExportArguments) -> None:
    """Makes the project and writes it."""
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


def _settings(arguments: ExportArguments) -> RecognizerSettings:
    settings = recognizer_settings(arguments.run_dir)
    if arguments.threshold is None:
        return settings
    return dataclasses.replace(settings, threshold=arguments.threshold)


if __name__ == "__main__":
    run_command(main, ExportArguments)
