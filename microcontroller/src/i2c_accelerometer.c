#include "i2c_accelerometer.h"

#include <string.h>

/* Registers that choose what goes into the FIFO. */
#if PSKD_NUM_AXES == 6
#define FIFO_EN 0x78         /* MPU-6050: acceleration and turn rates */
#define FIFO_DECIMATION 0x09 /* LSM6DS3: the same */
#define FIFO_RATES 0x44      /* LSM6DSO: the same */
/* Tags of an LSM6DSO's words: the sensor above, below it two bits that count and one of parity. */
#define GYROSCOPE_TAG 1
#define ACCELEROMETER_TAG 2
#define TAG_TIME 0x06
#else
#define FIFO_EN 0x08
#define FIFO_DECIMATION 0x01
#define FIFO_RATES 0x04
#endif

/* The index of a range among 2, 4, 8 and 16 g; -1 for another one. */
static int32_t range_index(int32_t range_g) {
  int32_t index;
  for (index = 0; index < 4; ++index) {
    if (range_g == 2 << index) return index;
  }
  return -1;
}

static void add(PskdI2cAccelerometer *accelerometer, uint8_t address, int32_t value) {
  accelerometer->setup[accelerometer->num_setup][0] = address;
  accelerometer->setup[accelerometer->num_setup][1] = (uint8_t)value;
  ++accelerometer->num_setup;
}

int pskd_i2c_accelerometer(PskdI2cSensor sensor, int32_t range_g,
                           PskdI2cAccelerometer *accelerometer) {
  /* ST numbers 2, 16, 4, 8 g in this order. */
  static const uint8_t lsm6_range[4] = {0, 2, 3, 1};
  /* In mg per bit, of ST's data sheets: not 2^15 to the range. */
  static const float lsm6_mg[4] = {0.061f, 0.122f, 0.244f, 0.488f};
  const int32_t index = range_index(range_g);
  if (index < 0) return 0;
  memset(accelerometer, 0, sizeof(*accelerometer));
  accelerometer->sensor = sensor;
  accelerometer->word_bytes = 2 * PSKD_NUM_AXES;
  accelerometer->sample_words = 1;
  if (sensor == PSKD_MPU6050) {
    accelerometer->address = 0x68;
    accelerometer->identity = 0x75;
    accelerometer->level = 0x72;
    accelerometer->data = 0x74;
    accelerometer->period_us = 10000u;
    accelerometer->units_per_g = 32768.0f / (float)range_g;
#if PSKD_NUM_AXES == 6
    accelerometer->units_per_dps = 16.4f;
    add(accelerometer, 0x6B, 0x01);       /* PWR_MGMT_1: awake, the gyroscope's clock */
    add(accelerometer, 0x6C, 0x00);       /* PWR_MGMT_2: both sensors on */
    add(accelerometer, 0x1B, 0x18);       /* GYRO_CONFIG: 2000 degrees per second */
#else
    add(accelerometer, 0x6B, 0x00);       /* PWR_MGMT_1: awake, own clock: not the gyroscope's */
    add(accelerometer, 0x6C, 0x07);       /* PWR_MGMT_2: gyroscopes off */
#endif
    add(accelerometer, 0x1A, 0x04);       /* CONFIG: low-pass at 21 Hz, 1 kHz inside */
    add(accelerometer, 0x19, 9);          /* SMPLRT_DIV: each tenth, 100 Hz */
    add(accelerometer, 0x1C, index << 3); /* ACCEL_CONFIG: range */
  } else {
    accelerometer->address = 0x6A;
    accelerometer->identity = 0x0F;
    accelerometer->level = 0x3A;
    accelerometer->period_us = 9615u;
    accelerometer->units_per_g = 1000.0f / lsm6_mg[index];
#if PSKD_NUM_AXES == 6
    accelerometer->units_per_dps = 1000.0f / 70.0f; /* 70 mdps per bit */
    add(accelerometer, 0x11, 0x4C); /* CTRL2_G: 104 Hz, 2000 degrees per second */
#else
    add(accelerometer, 0x11, 0x00); /* CTRL2_G: gyroscopes off, as after power came */
#endif
    add(accelerometer, 0x12, 0x44); /* CTRL3_C: no half-new samples, addresses count up */
    add(accelerometer, 0x10, 0x40 | lsm6_range[index] << 2); /* CTRL1_XL: 104 Hz, range */
  }
  return 1;
}

int pskd_i2c_accelerometer_identify(PskdI2cAccelerometer *accelerometer, uint8_t identity) {
  if (accelerometer->sensor == PSKD_MPU6050) {
    /* And pin-compatible successors that are sold on the same modules. */
    if (identity != 0x68 && identity != 0x70 && identity != 0x71 && identity != 0x73) return 0;
    add(accelerometer, 0x23, 0x00); /* FIFO_EN: nothing into the FIFO */
    add(accelerometer, 0x6A, 0x04); /* USER_CTRL: empties it */
    add(accelerometer, 0x6A, 0x40); /* and switches it on */
    add(accelerometer, 0x23, FIFO_EN); /* what goes into it */
    return 1;
  }
  if (identity == 0x69 || identity == 0x6A) { /* LSM6DS3, LSM6DSL */
    accelerometer->data = 0x3E;
    add(accelerometer, 0x0A, 0x00); /* FIFO_CTRL5: bypass, which empties it */
    add(accelerometer, 0x08, FIFO_DECIMATION); /* FIFO_CTRL3: what goes into it, each sample */
    add(accelerometer, 0x0A, 0x26); /* FIFO_CTRL5: 104 Hz, the newest are kept */
    return 1;
  }
  if (identity == 0x6B || identity == 0x6C) { /* LSM6DSR, LSM6DSO, LSM6DSOX: a tag before x, y, z */
    accelerometer->data = 0x78;
    accelerometer->word_bytes = 7;
    accelerometer->sample_words = PSKD_NUM_AXES / 3;
    add(accelerometer, 0x0A, 0x00); /* FIFO_CTRL4: bypass, which empties it */
    add(accelerometer, 0x09, FIFO_RATES); /* FIFO_CTRL3: what goes into it, at 104 Hz */
    add(accelerometer, 0x0A, 0x06); /* FIFO_CTRL4: the newest are kept */
    return 1;
  }
  return 0;
}

int32_t pskd_i2c_accelerometer_level(const PskdI2cAccelerometer *accelerometer,
                                     const uint8_t *bytes) {
  if (accelerometer->sensor == PSKD_MPU6050) {
    const int32_t count = bytes[0] * 256 + bytes[1];
    /* Full, of the MPU-6050 and of the MPU-6500: no multiple of six or twelve. */
    return count == 1024 || count == 512 ? -1 : count / accelerometer->word_bytes;
  }
  if (bytes[1] & 0x40) return -1;
  /* Words with tags, or of two bytes. */
  if (accelerometer->word_bytes == 7) {
    return ((bytes[1] & 0x03) * 256 + bytes[0]) / accelerometer->sample_words;
  }
  return ((bytes[1] & 0x0F) * 256 + bytes[0]) / PSKD_NUM_AXES;
}

static void decode_axes(const PskdI2cAccelerometer *accelerometer, const uint8_t *bytes,
                        float *raw) {
  /* InvenSense sends the high byte first, ST the low one. */
  const int high = accelerometer->sensor == PSKD_MPU6050 ? 0 : 1;
  int axis;
  for (axis = 0; axis < 3; ++axis) {
    const int32_t value = bytes[2 * axis + high] * 256 + bytes[2 * axis + 1 - high];
    raw[axis] = (float)(value < 32768 ? value : value - 65536);
  }
}

int pskd_i2c_accelerometer_decode(PskdI2cAccelerometer *accelerometer, const uint8_t *bytes) {
  float *const raw = accelerometer->raw;
#if PSKD_NUM_AXES == 6
  if (accelerometer->word_bytes == 7) {
    uint8_t *const tags = accelerometer->tags;
    const int is_rate = bytes[0] >> 3 == GYROSCOPE_TAG;
    if (!is_rate && bytes[0] >> 3 != ACCELEROMETER_TAG) return 0;
    decode_axes(accelerometer, bytes + 1, is_rate ? raw + 3 : raw);
    /* The lower bits count the times at which words come; never 0 with the sensor's above them. */
    tags[is_rate] = bytes[0];
    if (tags[0] == 0u || tags[1] == 0u || ((tags[0] ^ tags[1]) & TAG_TIME) != 0) return 0;
    tags[0] = tags[1] = 0u;
    return 1;
  }
  /* An MPU-6050 sends the acceleration first, an LSM6DS3 the turn rates. */
  decode_axes(accelerometer, bytes, accelerometer->sensor == PSKD_MPU6050 ? raw : raw + 3);
  decode_axes(accelerometer, bytes + 6, accelerometer->sensor == PSKD_MPU6050 ? raw + 3 : raw);
#else
  decode_axes(accelerometer, bytes + accelerometer->word_bytes - 6, raw);
#endif
  return 1;
}

/* In g, and in degrees per second. */
static void in_units(const PskdI2cAccelerometer *accelerometer, float *sample) {
  int axis;
  for (axis = 0; axis < 3; ++axis) {
    sample[axis] = accelerometer->raw[axis] / accelerometer->units_per_g;
#if PSKD_NUM_AXES == 6
    sample[3 + axis] = accelerometer->raw[3 + axis] / accelerometer->units_per_dps;
#endif
  }
}

PskdAccelerometerStatus pskd_i2c_accelerometer_start(PskdI2cAccelerometer *accelerometer,
                                                     const PskdI2cBus *bus, PskdI2cSensor sensor,
                                                     uint8_t address, int32_t range_g,
                                                     uint32_t wanted_us) {
  uint8_t identity = 0;
  int32_t index;
  if (!pskd_i2c_accelerometer(sensor, range_g, accelerometer)) return PSKD_ACCELEROMETER_FAILED;
  if (address != 0u) accelerometer->address = address;
  if (!bus->read(accelerometer->address, accelerometer->identity, &identity, 1) ||
      !pskd_i2c_accelerometer_identify(accelerometer, identity)) {
    return PSKD_ACCELEROMETER_FAILED;
  }
  for (index = 0; index < accelerometer->num_setup; ++index) {
    const uint8_t *setup = accelerometer->setup[index];
    if (!bus->write(accelerometer->address, setup[0], setup[1])) {
      return PSKD_ACCELEROMETER_FAILED;
    }
  }
  pskd_sensor_fifo_start(&accelerometer->fifo, accelerometer->period_us, wanted_us);
  return PSKD_ACCELEROMETER_OK;
}

PskdAccelerometerStatus pskd_i2c_accelerometer_collect(PskdI2cAccelerometer *accelerometer,
                                                       const PskdI2cBus *bus,
                                                       PskdSampleQueue *queue) {
  const int32_t word_bytes = accelerometer->word_bytes, words = accelerometer->sample_words;
  uint8_t bytes[PSKD_I2C_READ_BYTES];
  int32_t count, index;
  float sample[PSKD_NUM_AXES];
  if (!bus->read(accelerometer->address, accelerometer->level, bytes, 2)) {
    return PSKD_ACCELEROMETER_FAILED;
  }
  count = pskd_i2c_accelerometer_level(accelerometer, bytes);
  if (count < 0) return PSKD_ACCELEROMETER_FAILED;
  if (count == 0) return PSKD_ACCELEROMETER_NO_SAMPLE;
  pskd_sensor_fifo_begin(&accelerometer->fifo, bus->now_us(), count);
  while (count > 0) {
    const uint32_t room = PSKD_QUEUE_SAMPLES - pskd_sample_queue_depth(queue);
    int32_t part = PSKD_I2C_READ_BYTES / (word_bytes * words);
    if (part > count) part = count;
    if (room < (uint32_t)part) break;
    if (!bus->read(accelerometer->address, accelerometer->data, bytes,
                   part * words * word_bytes)) {
      return PSKD_ACCELEROMETER_FAILED;
    }
    for (index = 0; index < part * words; ++index) {
      if (!pskd_i2c_accelerometer_decode(accelerometer, bytes + index * word_bytes)) continue;
      in_units(accelerometer, sample);
      pskd_sensor_fifo_add(&accelerometer->fifo, sample, queue);
    }
    count -= part;
  }
  return PSKD_ACCELEROMETER_OK;
}
