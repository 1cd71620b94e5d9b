"""All targets by name. A new one: a file beside this one, its line here, its templates."""

from pskd_tf.export.boards.arduino import ARDUINO
from pskd_tf.export.boards.cmake import CMAKE
from pskd_tf.export.boards.esp_idf import ESP_IDF
from pskd_tf.export.boards.platformio import PLATFORMIO
from pskd_tf.export.boards.stm32 import STM32
from pskd_tf.export.boards.zephyr import ZEPHYR

BOARD_TARGETS = {
    target.name: target for target in (ARDUINO, PLATFORMIO, ESP_IDF, ZEPHYR, STM32, CMAKE)
}
