"""The ecosystems for which a project can be written, such as Arduino or Zephyr."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoardTarget:
    """An ecosystem; its templates are in `microcontroller/boards/NAME/`, laid out as the project.

    Attributes:
        name: As `--target` gives it.
        source_folder: Where the C and C++ sources go, relative to the project.
        build: The command that builds, with `{out}` for the project's folder.
        default_runtime: "tflm" or "plain_c".
        listed_below: The folder to which the sources' paths in the build file are relative.
        takes_flatbuffer: Whether the project contains `student_int8.tflite`.
    """

    name: str
    source_folder: str
    build: str
    default_runtime: str = "tflm"
    listed_below: str = "."
    takes_flatbuffer: bool = False


ARDUINO = BoardTarget(
    name="arduino",
    source_folder="src",
    build="arduino-cli compile --profile nano33ble {out}",
)


CMAKE = BoardTarget(
    name="cmake",
    source_folder="src",
    build="cmake -S {out} -B {out}/build",
    default_runtime="plain_c",
)


ESP_IDF = BoardTarget(
    name="esp_idf",
    source_folder="main",
    build="idf.py -C {out} build",
    listed_below="main",
)


PLATFORMIO = BoardTarget(
    name="platformio",
    source_folder="src",
    build="pio run --project-dir {out}",
)


STM32 = BoardTarget(
    name="stm32",
    source_folder="src",
    build="cmake --preset Debug",
    takes_flatbuffer=True,
)


ZEPHYR = BoardTarget(
    name="zephyr",
    source_folder="src",
    build="west build -b BOARD {out}",
    default_runtime="plain_c",
)


BOARD_TARGETS = {
    target.name: target for target in (ARDUINO, PLATFORMIO, ESP_IDF, ZEPHYR, STM32, CMAKE)
}
