"""ESP32 with an MPU-6050 or an LSM6, PlatformIO."""

from pskd_tf.export.boards.board_target import BoardTarget

PLATFORMIO = BoardTarget(
    name="platformio",
    source_folder="src",
    build="pio run --project-dir {out}",
)
