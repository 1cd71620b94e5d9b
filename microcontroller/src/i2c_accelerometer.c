#include "i2c_accelerometer.h"

#include <string.h>

/* The index of a range among 2, 4, 8 and 16 g; -1 for another one. */
static int32_t range_index(int32_t range_g) {
  int32_t index;
  for (index = 0; index < 4; ++index) {
    if (range_g == 2 << index) return index;
  }
  return -1;
}

static void add(PskdI2cAccelerometer *description, uint8_t address, int32_t value) {
  description->setup[description->num_setup][0] = address;
  description->setup[description->num_setup][1] = (uint8_t)value;
  ++description->num_setup;
}

int pskd_i2c_accelerometer(PskdI2cSensor sensor, int32_t range_g,
                           PskdI2cAccelerometer *description) {
  /* ST numbers 2, 16, 4, 8 g in this order. */
  static const uint8_t lsm6_range[4] = {0, 2, 3, 1};
  /* In mg per bit, of ST's data sheets: not 2^15 to the range. */
  static const float lsm6_mg[4] = {0.061f, 0.122f, 0.244f, 0.488f};
  const int32_t index = range_index(range_g);
  if (index < 0) return 0;
  memset(description, 0, sizeof(*description));
  description->sensor = sensor;
  if (sensor == PSKD_MPU6050) {
    description->address = 0x68;
    description->identity = 0x75;
    description->data = 0x3B;
    description->units_per_g = 32768.0f / (float)range_g;
    add(description, 0x6B, 0x01);       /* PWR_MGMT_1: awake, clock of the gyroscope */
    add(description, 0x1A, 0x04);       /* CONFIG: low-pass at 21 Hz, 1 kHz inside */
    add(description, 0x19, 9);          /* SMPLRT_DIV: each tenth, 100 Hz */
    add(description, 0x1C, index << 3); /* ACCEL_CONFIG: range */
  } else {
    description->address = 0x6A;
    description->identity = 0x0F;
    description->data = 0x28;
    description->units_per_g = 1000.0f / lsm6_mg[index];
    add(description, 0x12, 0x44); /* CTRL3_C: no half-new samples, addresses count up */
    add(description, 0x10, 0x40 | lsm6_range[index] << 2); /* CTRL1_XL: 104 Hz, range */
  }
  return 1;
}

int pskd_i2c_accelerometer_is(const PskdI2cAccelerometer *description, uint8_t identity) {
  if (description->sensor == PSKD_MPU6050) {
    /* And pin-compatible successors that are sold on the same modules. */
    return identity == 0x68 || identity == 0x70 || identity == 0x71 || identity == 0x73;
  }
  return identity == 0x69 || identity == 0x6A || identity == 0x6B || identity == 0x6C;
}

void pskd_i2c_accelerometer_decode(const PskdI2cAccelerometer *description, const uint8_t *bytes,
                                   float *raw) {
  /* InvenSense sends the high byte first, ST the low one. */
  const int high = description->sensor == PSKD_MPU6050 ? 0 : 1;
  int axis;
  for (axis = 0; axis < 3; ++axis) {
    const int32_t value = bytes[2 * axis + high] * 256 + bytes[2 * axis + 1 - high];
    raw[axis] = (float)(value < 32768 ? value : value - 65536);
  }
}
