// The board file: an ESP32 with an accelerometer on I2C, through the Arduino core.
#include "board.h"

#include <Arduino.h>
#include <Wire.h>

#include "activity_loop.h"
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
/* Its address on the bus, 7 bits: 0x69 or 0x6B if its address pin is high; 0 for 0x68 or 0x6A. */
#ifndef BOARD_SENSOR_ADDRESS
#define BOARD_SENSOR_ADDRESS 0
#endif
/* The sensor's range in g: 2, 4, 8 or 16. UTD-MHAD was recorded with 8. */
#define BOARD_RANGE_G 8
/* Read gives g: the sensor's own unit follows from sensor and range. */
#define BOARD_UNITS_PER_G 1.0f
@six_axes@/* And degrees per second, of a gyroscope at 2000. */
@six_axes@#define BOARD_UNITS_PER_DPS 1.0f
#define BOARD_SDA_PIN 21
#define BOARD_SCL_PIN 22

namespace {

PskdI2cAccelerometer sensor;

int Read(uint8_t address, uint8_t first, uint8_t* bytes, int32_t count) {
  Wire.beginTransmission(address);
  Wire.write(first);
  if (Wire.endTransmission(false) != 0) return 0;
  const uint8_t size = static_cast<uint8_t>(count);
  if (Wire.requestFrom(static_cast<uint16_t>(address), size) != size) return 0;
  for (int32_t index = 0; index < count; ++index) {
    const int value = Wire.read();
    if (value < 0) return 0;
    bytes[index] = static_cast<uint8_t>(value);
  }
  return 1;
}

int Write(uint8_t address, uint8_t first, uint8_t value) {
  Wire.beginTransmission(address);
  Wire.write(first);
  Wire.write(value);
  return Wire.endTransmission() == 0;
}

uint32_t Now() { return static_cast<uint32_t>(micros()); }

const PskdI2cBus bus = {Write, Read, Now};

PskdAccelerometerStatus Start() {
  if (!Wire.begin(BOARD_SDA_PIN, BOARD_SCL_PIN, 400000)) return PSKD_ACCELEROMETER_FAILED;
  return pskd_i2c_accelerometer_start(&sensor, &bus, BOARD_SENSOR, BOARD_SENSOR_ADDRESS,
                                      BOARD_RANGE_G, PSKD_SAMPLE_US);
}

PskdAccelerometerStatus Collect(PskdSampleQueue* queue) {
  return pskd_i2c_accelerometer_collect(&sensor, &bus, queue);
}

}  // namespace

extern "C" {

const PskdAccelerometer pskd_board_accelerometer = {
@three_axes@    Start, Collect, Now, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G, 0};
@six_axes@    Start, Collect, Now, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G, BOARD_UNITS_PER_DPS},
@six_axes@    BOARD_RANGE_G, 0};

void pskd_board_start(void) { Serial.begin(115200); }

void pskd_board_write(const char* text, int32_t length) {
  Serial.write(reinterpret_cast<const uint8_t*>(text), static_cast<size_t>(length));
}

void pskd_board_wait(uint32_t microseconds) {
  // The first one sleeps, the second one does not.
  if (microseconds >= 1000u) {
    delay(microseconds / 1000u);
  } else {
    delayMicroseconds(microseconds);
  }
}

}  // extern "C"
