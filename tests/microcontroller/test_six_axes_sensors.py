"""Gyroscopes behind I2C: registers, and words of a FIFO that become g and degrees per second."""

import subprocess

import pytest

from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_settings_header
from pskd_tf.input_settings import InputSettings

PROGRAM = """\
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "i2c_accelerometer.h"
static uint8_t identity, fifo[1024];
static int32_t level_bytes[2], at, held;
static PskdI2cAccelerometer sensor;
static PskdSampleQueue queue;
static int write_register(uint8_t address, uint8_t first, uint8_t value) {
  (void)address;
  printf("%02x=%02x ", first, value);
  return 1;
}
static int read_registers(uint8_t address, uint8_t first, uint8_t *bytes, int32_t count) {
  (void)address;
  if (first == 0x75 || first == 0x0F) bytes[0] = identity;
  if (first == 0x72 || first == 0x3A) {
    bytes[0] = (uint8_t)level_bytes[0];
    bytes[1] = (uint8_t)level_bytes[1];
  }
  if (first == 0x74 || first == 0x3E || first == 0x78) {
    if (count > held - at) return 0;
    memcpy(bytes, fifo + at, (size_t)count);
    at += count;
  }
  return 1;
}
static uint32_t now_us(void) { return 1000000u; }
int main(int argc, char **argv) {
  static const PskdI2cBus bus = {write_register, read_registers, now_us};
  PskdStampedSample sample;
  int axis, index;
  identity = (uint8_t)strtol(argv[2], NULL, 16);
  level_bytes[0] = atoi(argv[3]);
  level_bytes[1] = atoi(argv[4]);
  for (index = 5; index < argc; ++index) fifo[held++] = (uint8_t)strtol(argv[index], NULL, 16);
  printf("|%d|", (int)pskd_i2c_accelerometer_start(&sensor, &bus, (PskdI2cSensor)atoi(argv[1]), 0,
                                                   8, 10000u));
  printf("%d|", (int)pskd_i2c_accelerometer_collect(&sensor, &bus, &queue));
  while (pskd_sample_queue_take(&queue, &sample)) {
    for (axis = 0; axis < 6; ++axis) printf("%.3f ", (double)sample.raw[axis]);
    printf("|");
  }
  return 0;
}
"""
# 1, -0.5 and 2 g; 10, -20 and 40 degrees per second.
SAMPLE = "1.000 -0.500 2.000 10.000 -20.000 40.000 |"
MPU = [4096, -2048, 8192, 164, -328, 656]
LSM6_G, LSM6_DPS = [4098, -2049, 8197], [143, -286, 571]


@pytest.fixture(scope="module")
def run(compiler, sources, tmp_path_factory):
    """Compiles the drivers for a model with six axes; returns what a chip's FIFO becomes."""
    folder = tmp_path_factory.mktemp("sensors")
    inputs = InputSettings(sensors=("accelerometer", "gyroscope"))
    interface = Int8Interface((96, 1, 14), 3, 0.05, 0, 0.1, 0)
    header = model_settings_header(interface, inputs, ["a", "b", "c"], (2, 300), 1, 1024, 50.0)
    (folder / "model_settings.h").write_text(header)
    (folder / "main.c").write_text(PROGRAM)
    names = ("i2c_accelerometer.c", "sensor_fifo.c", "sample_queue.c")
    compiler(
        *("gcc", "-std=c99", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
        *(f"-I{folder}", f"-I{sources / 'src'}", folder / "main.c"),
        *(sources / "src" / name for name in names),
        *("-o", folder / "main"),
    )

    def with_fifo(sensor, identity, level, content):
        arguments = [sensor, f"{identity:x}", *level, *(f"{byte:x}" for byte in content)]
        command = [folder / "main", *map(str, arguments)]
        finished = subprocess.run(command, capture_output=True, text=True, check=True)
        return finished.stdout.split("|", 3)

    return with_fifo


def _bytes(counts, order):
    return b"".join(count.to_bytes(2, order, signed=True) for count in counts)


def test_an_mpu_6050_sends_the_acceleration_first(run):
    setup, *statuses, samples = run(0, 0x68, (0, 24), 2 * _bytes(MPU, "big"))
    assert setup == "6b=01 6c=00 1b=18 1a=04 19=09 1c=10 23=00 6a=04 6a=40 23=78 "
    assert statuses == ["0", "0"] and samples == 2 * SAMPLE


def test_an_lsm6dsl_sends_the_turn_rates_first(run):
    """Its level counts words of two bytes."""
    setup, *statuses, samples = run(1, 0x6A, (12, 0), 2 * _bytes(LSM6_DPS + LSM6_G, "little"))
    assert setup == "11=4c 12=44 10=4c 0a=00 08=09 0a=26 "
    assert statuses == ["0", "0"]
    assert samples == 2 * SAMPLE.replace("10.000 -20.000 40.000", "10.010 -20.020 39.970")


def _tagged(tag, counts):
    return bytes([tag]) + _bytes(counts, "little")


@pytest.mark.parametrize("first", ["rates", "acceleration", "stray"])
def test_words_of_an_lsm6dso_are_paired_by_their_time(run, first):
    """In either order; an acceleration that came before the gyroscope had settled is left out."""
    # The sensor above three bits: the time, counted to 3, and parity.
    pairs = [
        [_tagged(0x08 | time << 1, LSM6_DPS), _tagged(0x10 | time << 1, LSM6_G)] for time in (0, 1)
    ]
    words = [word for pair in pairs for word in (pair[::-1] if first == "acceleration" else pair)]
    if first == "stray":
        words = [_tagged(0x10 | 3 << 1, [0, 0, 0]), *words, words[0]]
    setup, *statuses, samples = run(1, 0x6C, (len(words), 0), b"".join(words))
    assert setup == "11=4c 12=44 10=4c 0a=00 09=44 0a=06 "
    assert statuses == ["0", "0"]
    assert samples == 2 * SAMPLE.replace("10.000 -20.000 40.000", "10.010 -20.020 39.970")
