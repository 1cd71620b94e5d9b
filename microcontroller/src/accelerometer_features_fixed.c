/* The features in fixed point. pskd_tf/data/fixed_features.py computes the same; it also chose the
 * multipliers of "model_settings.h" and saw to it that no product leaves int32.
 */
#include "accelerometer_features.h"

#if PSKD_FIXED_FEATURES

#include <string.h>

#if PSKD_CHANNELS != (PSKD_NUM_AXES == 6 ? 14 : 10)
#error "accelerometer_features_fixed.c derives ten channels, of six axes fourteen"
#endif

#if (-1 >> 1) != -1
#error "accelerometer_features_fixed.c needs an arithmetic right shift"
#endif

/* Of PSKD_GYROSCOPE_UNIT: turn rates are taken in eighths of a degree per second. */
#define GYROSCOPE_BITS 8

/* The float's own bits, so that no float is computed with: to 1/2048 g, halves away from zero, or of
 * an axis of the gyroscope to 1/2048 of its unit. Returns 0 if it is not finite.
 */
static int to_fixed(float value, int axis, int16_t *fixed) {
  uint32_t bits, mantissa;
  int32_t shift, magnitude = 0;
  memcpy(&bits, &value, sizeof(bits));
  shift = 139 - (int32_t)(bits >> 23 & 0xFFu);
  mantissa = (bits & 0x7FFFFFu) | 0x800000u;
  if (shift == 139 - 0xFF) return 0;
  if (axis >= 3) shift += GYROSCOPE_BITS;
  if (shift <= 8) {
    magnitude = 32767;
  } else if (shift <= 24) {
    magnitude = (int32_t)((mantissa + (1u << (shift - 1))) >> shift);
    if (magnitude > 32767) magnitude = 32767;
  }
  *fixed = (int16_t)(bits >> 31 ? -magnitude : magnitude);
  return 1;
}

/* value * multiplier / 2^shift, halves up, + zero point, within int8. */
static int8_t quantise(int32_t value, int32_t multiplier, int shift) {
  int32_t rounded = (value * multiplier + ((int32_t)1 << (shift - 1))) >> shift;
  rounded += PSKD_INPUT_ZERO_POINT;
  if (rounded < -128) rounded = -128;
  if (rounded > 127) rounded = 127;
  return (int8_t)rounded;
}

/* The whole part of the square root, a bit at a time. */
static int32_t square_root(uint32_t value) {
  uint32_t root = 0u, bit = (uint32_t)1 << 30;
  while (bit > value) bit >>= 2;
  for (; bit != 0u; bit >>= 2) {
    if (value >= root + bit) {
      value -= root + bit;
      root = (root >> 1) + bit;
    } else {
      root >>= 1;
    }
  }
  return (int32_t)root;
}

static uint32_t square(int32_t value) { return (uint32_t)(value * value); }

PskdStatus pskd_resample_clip(const float *samples, int32_t length, int16_t *resampled) {
  int32_t step, lower = 0, rest = 0, whole, part;
  if (length < 2) return PSKD_TOO_FEW_SAMPLES;
  if (length > (1 << 24) / PSKD_STEPS) return PSKD_TOO_MANY_SAMPLES;
  whole = (length - 1) / (PSKD_STEPS - 1);
  part = (length - 1) % (PSKD_STEPS - 1);
  for (step = 0; step < PSKD_STEPS; ++step) {
    /* The last step reads the last sample as what lies a whole step after the one before it. */
    const int last = lower > length - 2;
    const float *const before = samples + PSKD_NUM_AXES * (last ? length - 2 : lower);
    const int32_t numerator = last ? PSKD_STEPS - 1 : rest;
    const int32_t weight = (numerator * PSKD_STEP_MULTIPLIER + (1 << 15)) >> 16;
    int axis;
    for (axis = 0; axis < PSKD_NUM_AXES; ++axis) {
      int16_t first, second;
      if (!to_fixed(before[axis], axis, &first)) return PSKD_NOT_FINITE;
      if (!to_fixed(before[axis + PSKD_NUM_AXES], axis, &second)) return PSKD_NOT_FINITE;
      *resampled++ = (int16_t)(first + (((second - first) * weight + (1 << 13)) >> 14));
    }
    lower += whole;
    rest += part;
    if (rest >= PSKD_STEPS - 1) {
      rest -= PSKD_STEPS - 1;
      ++lower;
    }
  }
  return PSKD_OK;
}

PskdStatus pskd_quantise_features(const int16_t *resampled, int8_t *input) {
  const int32_t half = PSKD_GRAVITY_TAPS / 2;
  const int16_t *const newest = resampled + PSKD_NUM_AXES * (PSKD_STEPS - 1);
  int32_t oldest[3], totals[3], step, tap;
  int axis;
  /* Beyond the ends the first and last step count. */
  for (axis = 0; axis < 3; ++axis) {
    oldest[axis] = resampled[axis];
    totals[axis] = oldest[axis] * (half + 1);
    for (tap = 1; tap <= half; ++tap) {
      totals[axis] += tap < PSKD_STEPS ? resampled[PSKD_NUM_AXES * tap + axis] : newest[axis];
    }
  }
  for (step = 0; step < PSKD_STEPS; ++step) {
    const int16_t *const sample = resampled + PSKD_NUM_AXES * step;
    const int16_t *const entering =
        step + half + 1 < PSKD_STEPS ? sample + PSKD_NUM_AXES * (half + 1) : newest;
    const int16_t *const leaving = step > half ? sample - PSKD_NUM_AXES * half : 0;
    int32_t length = square_root(square(sample[0]) + square(sample[1]) + square(sample[2])) - 2048;
    int8_t values[PSKD_CHANNELS];
    if (length > 32767) length = 32767;
    values[3] = quantise(length, PSKD_SAMPLE_MULTIPLIER, PSKD_SAMPLE_SHIFT);
    for (axis = 0; axis < 3; ++axis) {
      const int32_t total = totals[axis];
      const int32_t linear = PSKD_GRAVITY_TAPS * sample[axis] - total;
      values[axis] = quantise(sample[axis], PSKD_SAMPLE_MULTIPLIER, PSKD_SAMPLE_SHIFT);
      values[4 + axis] =
          quantise(total >> PSKD_MEAN_SHIFT, PSKD_GRAVITY_MULTIPLIER, PSKD_GRAVITY_SHIFT);
      values[7 + axis] = quantise(linear >> (PSKD_MEAN_SHIFT + 1), PSKD_GRAVITY_MULTIPLIER,
                                  PSKD_GRAVITY_SHIFT - 1);
      totals[axis] = total + entering[axis] - (leaving ? leaving[axis] : oldest[axis]);
    }
#if PSKD_NUM_AXES == 6
    length = square_root(square(sample[3]) + square(sample[4]) + square(sample[5]));
    if (length > 32767) length = 32767;
    values[13] = quantise(length, PSKD_SAMPLE_MULTIPLIER, PSKD_SAMPLE_SHIFT);
    for (axis = 3; axis < 6; ++axis) {
      values[7 + axis] = quantise(sample[axis], PSKD_SAMPLE_MULTIPLIER, PSKD_SAMPLE_SHIFT);
    }
#endif
    /* Only now: they may lie where the samples just read were. */
    memcpy(input, values, sizeof(values));
    input += sizeof(values);
  }
  return PSKD_OK;
}

#endif /* PSKD_FIXED_FEATURES */
