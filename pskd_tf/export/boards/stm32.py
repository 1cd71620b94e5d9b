"""A library for a project of STM32CubeMX, with weak functions around the HAL."""

from pskd_tf.export.boards.board_target import BoardTarget

STM32 = BoardTarget(
    name="stm32",
    source_folder="src",
    build="cmake --preset Debug",
    takes_flatbuffer=True,
)
