// The board file: an ESP32 with an accelerometer on I2C, through the Arduino core.
#include "board.h"

#include <Arduino.h>
#include <Wire.h>

#include "i2c_accelerometer.h"

/* For x, y, z of the wrist that the model was trained on: the sensor's axis (0 is x, 1 is y, 2 is
 * z) and its sign. `python -m pskd_tf.monitor --port=PORT --check_axes` says what they must be.
 */
#define BOARD_AXES {@AXES@}
#define BOARD_SIGNS {@SIGNS@}
/* PSKD_MPU6050 or PSKD_LSM6 (LSM6DS3, LSM6DSL, LSM6DSO, LSM6DSOX). */
#ifndef BOARD_SENSOR
#define BOARD_SENSOR PSKD_MPU6050
#endif
/* The sensor's range in g: 2, 4, 8 or 16. UTD-MHAD was recorded with 8. */
#define BOARD_RANGE_G 8
/* Read gives g: the sensor's own unit follows from sensor and range. */
#define BOARD_UNITS_PER_G 1.0f
#define BOARD_SDA_PIN 21
#define BOARD_SCL_PIN 22

namespace {

PskdI2cAccelerometer sensor;

bool ReadRegisters(uint8_t first, uint8_t* bytes, uint8_t count) {
  Wire.beginTransmission(sensor.address);
  Wire.write(first);
  if (Wire.endTransmission(false) != 0) return false;
  if (Wire.requestFrom(static_cast<uint16_t>(sensor.address), count) != count) return false;
  for (uint8_t index = 0; index < count; ++index) {
    const int value = Wire.read();
    if (value < 0) return false;
    bytes[index] = static_cast<uint8_t>(value);
  }
  return true;
}

PskdAccelerometerStatus Start() {
  uint8_t identity = 0;
  if (!pskd_i2c_accelerometer(BOARD_SENSOR, BOARD_RANGE_G, &sensor)) {
    return PSKD_ACCELEROMETER_FAILED;
  }
  if (!Wire.begin(BOARD_SDA_PIN, BOARD_SCL_PIN, 400000)) return PSKD_ACCELEROMETER_FAILED;
  if (!ReadRegisters(sensor.identity, &identity, 1)) return PSKD_ACCELEROMETER_FAILED;
  if (!pskd_i2c_accelerometer_is(&sensor, identity)) return PSKD_ACCELEROMETER_FAILED;
  for (int32_t index = 0; index < sensor.num_setup; ++index) {
    Wire.beginTransmission(sensor.address);
    Wire.write(sensor.setup[index][0]);
    Wire.write(sensor.setup[index][1]);
    if (Wire.endTransmission() != 0) return PSKD_ACCELEROMETER_FAILED;
  }
  return PSKD_ACCELEROMETER_OK;
}

PskdAccelerometerStatus Collect(PskdSampleQueue* queue) {
  uint8_t bytes[6];
  float raw[3];
  if (!ReadRegisters(sensor.data, bytes, sizeof(bytes))) return PSKD_ACCELEROMETER_FAILED;
  const uint32_t time_us = static_cast<uint32_t>(micros());
  pskd_i2c_accelerometer_decode(&sensor, bytes, raw);
  for (int axis = 0; axis < 3; ++axis) raw[axis] /= sensor.units_per_g;
  pskd_sample_queue_add(queue, time_us, raw);
  return PSKD_ACCELEROMETER_OK;
}

uint32_t Now() { return static_cast<uint32_t>(micros()); }

}  // namespace

extern "C" {

const PskdAccelerometer pskd_board_accelerometer = {
    Start, Collect, Now, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G, 0};

void pskd_board_start(void) { Serial.begin(115200); }

void pskd_board_write(const char* text, int32_t length) {
  Serial.write(reinterpret_cast<const uint8_t*>(text), static_cast<size_t>(length));
}

void pskd_board_wait(uint32_t microseconds) { delayMicroseconds(microseconds); }

}  // extern "C"
