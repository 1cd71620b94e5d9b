// The board file: Arduino Nano 33 BLE Sense (first revision) with its LSM9DS1.
#include "board.h"

#include <Arduino.h>
#include <Arduino_LSM9DS1.h>
#include <Wire.h>
#include <mbed.h>

#include "activity_loop.h"
#include "application.h"

/* For x, y, z of the wrist that the model was trained on: the sensor's axis (0 is x, 1 is y, 2 is
 * z) and its sign. `python -m pskd_tf.monitor --port=PORT --check_axes` says what they must be.
 */
#define BOARD_AXES {@AXES@}
#define BOARD_SIGNS {@SIGNS@}
/* The sensor's range in g, 4 or 8. UTD-MHAD was recorded with 8. */
#define BOARD_RANGE_G 8
/* The library reckons with 4 g: what it calls 1 is BOARD_RANGE_G / 4 g. */
#define BOARD_UNITS_PER_G (4.0f / BOARD_RANGE_G)
@six_axes@/* The library sets the gyroscope to 2000 and reads degrees per second. */
@six_axes@#define BOARD_UNITS_PER_DPS 1.0f

#if BOARD_RANGE_G == 4
#define BOARD_RANGE_BITS 0x10
#elif BOARD_RANGE_G == 8
#define BOARD_RANGE_BITS 0x18
#else
#error "BOARD_RANGE_G must be 4 or 8"
#endif

namespace {

constexpr uint8_t kAddress = 0x6B;
@three_axes@constexpr uint8_t kControl1 = 0x10;  // CTRL_REG1_G: 0 switches the gyroscopes off
constexpr uint8_t kControl6 = 0x20;  // CTRL_REG6_XL: 119 Hz in its upper bits, the range below
constexpr uint8_t kMagnetometer = 0x1E;
constexpr uint8_t kControl3 = 0x22;  // CTRL_REG3_M: 3 switches the magnetometer off

constexpr uint32_t kSampleFlag = 1;

/* Reads the sensor while the model runs in loop(), too: the thread comes before the loop's. */
alignas(8) unsigned char sampler_stack[2048];
rtos::Thread sampler(osPriorityAboveNormal, sizeof(sampler_stack), sampler_stack, "sampler");
mbed::Ticker ticker;

void Tick() { sampler.flags_set(kSampleFlag); }

void SampleForEver() {
  for (;;) {
    rtos::ThisThread::flags_wait_any(kSampleFlag);
    pskd_application_sample();
  }
}

// The sensor is on the inner bus.
bool Write(uint8_t address, uint8_t first, uint8_t value) {
  Wire1.beginTransmission(address);
  Wire1.write(first);
  Wire1.write(value);
  return Wire1.endTransmission() == 0;
}

PskdAccelerometerStatus Start() {
  static bool is_started = false;
  if (!IMU.begin()) return PSKD_ACCELEROMETER_FAILED;
  // The library starts all three sensors, sets 4 g and cannot set another range.
@three_axes@  if (!Write(kAddress, kControl1, 0x00) ||
@three_axes@      !Write(kAddress, kControl6, static_cast<uint8_t>(0x60 | BOARD_RANGE_BITS)) ||
@six_axes@  if (!Write(kAddress, kControl6, static_cast<uint8_t>(0x60 | BOARD_RANGE_BITS)) ||
      !Write(kMagnetometer, kControl3, 0x03)) {
    return PSKD_ACCELEROMETER_FAILED;
  }
  if (!is_started) {
    sampler.start(SampleForEver);
    ticker.attach(Tick, std::chrono::microseconds(PSKD_SAMPLE_US));
    is_started = true;
  }
  return PSKD_ACCELEROMETER_OK;
}

PskdAccelerometerStatus Collect(PskdSampleQueue* queue) {
  float raw[PSKD_NUM_AXES];
  if (!IMU.accelerationAvailable()) return PSKD_ACCELEROMETER_NO_SAMPLE;
  const uint32_t time_us = static_cast<uint32_t>(micros());
  if (!IMU.readAcceleration(raw[0], raw[1], raw[2])) return PSKD_ACCELEROMETER_FAILED;
@six_axes@  if (!IMU.readGyroscope(raw[3], raw[4], raw[5])) return PSKD_ACCELEROMETER_FAILED;
  pskd_sample_queue_add(queue, time_us, raw);
  return PSKD_ACCELEROMETER_OK;
}

uint32_t Now() { return static_cast<uint32_t>(micros()); }

}  // namespace

extern "C" {

const PskdAccelerometer pskd_board_accelerometer = {
@three_axes@    Start, Collect, Now, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G, 1};
@six_axes@    Start, Collect, Now, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G, BOARD_UNITS_PER_DPS},
@six_axes@    BOARD_RANGE_G, 1};

void pskd_board_start(void) { Serial.begin(115200); }

void pskd_board_write(const char* text, int32_t length) {
  // With nobody at the other end of the cable, a write would wait.
  if (Serial) Serial.write(reinterpret_cast<const uint8_t*>(text), static_cast<size_t>(length));
}

void pskd_board_wait(uint32_t microseconds) {
  // The first one sleeps, the second one does not.
  if (microseconds >= 1000u) {
    delay(microseconds / 1000u);
  } else {
    delayMicroseconds(static_cast<unsigned int>(microseconds));
  }
}

}  // extern "C"
