"""Any board of Zephyr's with an accelerometer, through its sensor API."""

from pskd_tf.export.boards.board_target import BoardTarget

ZEPHYR = BoardTarget(
    name="zephyr",
    source_folder="src",
    build="west build -b BOARD {out}",
)
