"""ESP32 with an MPU-6050 or an LSM6, ESP-IDF."""

from pskd_tf.export.boards.board_target import BoardTarget

ESP_IDF = BoardTarget(
    name="esp_idf",
    source_folder="main",
    build="idf.py -C {out} build",
    listed_below="main",
)
