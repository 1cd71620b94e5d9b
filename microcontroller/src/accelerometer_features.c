#include "accelerometer_features.h"

#if !PSKD_FIXED_FEATURES

#include <math.h>

#if PSKD_CHANNELS != (PSKD_NUM_AXES == 6 ? 14 : 10)
#error "accelerometer_features.c derives ten channels, of six axes fourteen"
#endif

/* Doubles, or the 80 bits of an x87, would give other bytes. 16 is of cores with half floats. */
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "floats must be computed as floats: -fexcess-precision=fast, on x86 -msse2 -mfpmath=sse"
#endif

/* round(x / scale) + zero point, halves away from zero, within int8. Returns 0 if x is not finite. */
static int quantise(float value, int8_t *quantised) {
  const float quotient = value / PSKD_INPUT_SCALE;
  int32_t rounded;
  if (fabsf(quotient) <= 512.0f) {
    /* roundf without a call. The float before 0.5: with 0.5 the one below it would become 1. */
    rounded = (int32_t)(quotient + (quotient < 0.0f ? -0.49999997f : 0.49999997f));
  } else {
    /* Far outside int8 either way; converting it to an integer need not be defined. */
    if (!isfinite(value)) return 0;
    rounded = value < 0.0f ? -512 : 512;
  }
  rounded += PSKD_INPUT_ZERO_POINT;
  if (rounded < -128) rounded = -128;
  if (rounded > 127) rounded = 127;
  *quantised = (int8_t)rounded;
  return 1;
}

/* Sums of each axis of the acceleration over the taps around a step; beyond the ends the first and last step count.
 * Summed anew at each step: a running sum would drift away from the host's bits.
 */
static void sum_taps(const float *resampled, int32_t step, float *totals) {
  const int32_t first = step - PSKD_GRAVITY_TAPS / 2, last = first + PSKD_GRAVITY_TAPS - 1;
  const float *const newest = resampled + PSKD_NUM_AXES * (last < PSKD_STEPS ? last : PSKD_STEPS - 1);
  const float *at = resampled + PSKD_NUM_AXES * (first > 0 ? first : 0);
  float x = 0.0f, y = 0.0f, z = 0.0f;
  int32_t tap;
  for (tap = first; tap < 0; ++tap) {
    x += resampled[0];
    y += resampled[1];
    z += resampled[2];
  }
  for (; at <= newest; at += PSKD_NUM_AXES) {
    x += at[0];
    y += at[1];
    z += at[2];
  }
  for (tap = PSKD_STEPS; tap <= last; ++tap) {
    x += newest[0];
    y += newest[1];
    z += newest[2];
  }
  totals[0] = x;
  totals[1] = y;
  totals[2] = z;
}

PskdStatus pskd_resample_clip(const float *samples, int32_t length, float *resampled) {
  int32_t step;
  int axis;
  float last;
  if (length < 2) return PSKD_TOO_FEW_SAMPLES;
  if (length > (1 << 24) / PSKD_STEPS) return PSKD_TOO_MANY_SAMPLES;
  last = (float)(length - 1);
  for (step = 0; step < PSKD_STEPS; ++step) {
    const float position = (float)step * last / (float)(PSKD_STEPS - 1);
    int32_t lower = (int32_t)position;
    float fraction;
    if (lower > length - 2) lower = length - 2;
    fraction = position - (float)lower;
    for (axis = 0; axis < PSKD_NUM_AXES; ++axis) {
      const float first = samples[PSKD_NUM_AXES * lower + axis];
      const float second = samples[PSKD_NUM_AXES * (lower + 1) + axis];
      resampled[PSKD_NUM_AXES * step + axis] = first + fraction * (second - first);
    }
  }
  return PSKD_OK;
}

PskdStatus pskd_quantise_features(const float *resampled, int8_t *input) {
  int32_t step;
  int axis, channel;
  for (step = 0; step < PSKD_STEPS; ++step) {
    const float *sample = resampled + PSKD_NUM_AXES * step;
    float totals[3], features[PSKD_CHANNELS];
    sum_taps(resampled, step, totals);
    features[3] =
        sqrtf((sample[0] * sample[0] + sample[1] * sample[1]) + sample[2] * sample[2]) - 1.0f;
    for (axis = 0; axis < 3; ++axis) {
      features[axis] = sample[axis];
      features[4 + axis] = totals[axis] / (float)PSKD_GRAVITY_TAPS;
      features[7 + axis] = sample[axis] - features[4 + axis];
    }
#if PSKD_NUM_AXES == 6
    for (axis = 0; axis < 3; ++axis) features[10 + axis] = sample[3 + axis] / PSKD_GYROSCOPE_UNIT;
    features[13] = sqrtf((features[10] * features[10] + features[11] * features[11]) +
                         features[12] * features[12]);
#endif
    for (channel = 0; channel < PSKD_CHANNELS; ++channel) {
      if (!quantise(features[channel], input++)) return PSKD_NOT_FINITE;
    }
  }
  return PSKD_OK;
}

#endif /* !PSKD_FIXED_FEATURES */

PskdStatus pskd_prepare_clip(const float *samples, int32_t length, PskdValue *workspace,
                             int8_t *input) {
  const PskdStatus status = pskd_resample_clip(samples, length, workspace);
  if (status != PSKD_OK) return status;
  return pskd_quantise_features(workspace, input);
}

int32_t pskd_argmax(const int8_t *output) {
  int32_t best = 0, index;
  for (index = 1; index < PSKD_NUM_CLASSES; ++index) {
    if (output[index] > output[best]) best = index;
  }
  return best;
}
