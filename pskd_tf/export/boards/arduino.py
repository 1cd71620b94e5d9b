"""Arduino Nano 33 BLE Sense with its LSM9DS1."""

from pskd_tf.export.boards.board_target import BoardTarget

ARDUINO = BoardTarget(
    name="arduino",
    source_folder="src",
    build="arduino-cli compile --profile nano33ble {out}",
)
