"""A run's student as a whole project for a board.

python -m pskd_tf.export --run_dir=RUN --target=arduino --out=DIR
python -m pskd_tf.export --run_dir=RUN --target=esp_idf --runtime=plain_c --axes=-y,+x,+z --out=DIR

Targets: arduino (Nano 33 BLE Sense, LSM9DS1), platformio and esp_idf (ESP32 with MPU-6050 or LSM6),
zephyr (sensor API), stm32 (STM32Cube), cmake (any machine, samples from a file).
"""

import dataclasses
from pathlib import Path

from absl import flags

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from pskd_tf.device.recognizer import ChosenSettings, RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import (
    RUNTIMES,
    board_project,
    check_project_folder,
    write_board_project,
)
from pskd_tf.export.boards.targets import BOARD_TARGETS

_RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run of pskd_tf.train.")
_TARGET = flags.DEFINE_enum("target", None, list(BOARD_TARGETS), "The ecosystem.")
_OUT = flags.DEFINE_string(
    "out", None, "The project's folder, new or empty; its name is the project's."
)
_RUNTIME = flags.DEFINE_enum(
    "runtime",
    None,
    list(RUNTIMES),
    "TensorFlow Lite Micro or C without interpreter; by default tflm, plain_c for cmake.",
)
_AXES = flags.DEFINE_string(
    "axes",
    "+x,+y,+z",
    "For x, y, z of the wrist in training, the sensor's axis and sign, as pskd_tf.monitor "
    "--check_axes finds them.",
)
_THRESHOLD = flags.DEFINE_float(
    "threshold",
    None,
    "Probability below which it says unknown, 0..1; by default what was chosen for the run, if "
    "anything was.",
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "List the files, write nothing.")


def main() -> None:
    """Makes the project and writes it."""
    if not _RUN_DIR.value or not _TARGET.value or not _OUT.value:
        raise UserError("--run_dir, --target and --out must be given", "not all of them")
    target = BOARD_TARGETS[_TARGET.value]
    out = Path(_OUT.value)
    check_project_folder(out)
    files = board_project(
        _RUN_DIR.value,
        target,
        out.absolute().name,
        runtime=_RUNTIME.value or target.default_runtime,
        axes=AxisMap.parse(_AXES.value),
        settings=_settings(),
    )
    if _DRY_RUN.value:
        for name, body in sorted(files.items()):
            print(f"{len(body):>9,}  {out / name}")
        print(f"would write {len(files)} files: {out}")
        return
    write_board_project(out, files)
    print(f"{len(files)} files, flash command and axes in {out / 'README.md'}")
    print_result(out, *(word.format(out=out) for word in target.build.split()))


def _settings() -> RecognizerSettings:
    chosen = ChosenSettings.read(_RUN_DIR.value)
    settings = RecognizerSettings() if chosen is None else chosen.settings
    if _THRESHOLD.value is None:
        return settings
    return dataclasses.replace(settings, threshold=_THRESHOLD.value)


if __name__ == "__main__":
    run_command(main)
