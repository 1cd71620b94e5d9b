#include "accelerometer_features.h"

#include <math.h>

#if PSKD_CHANNELS != 10
#error "accelerometer_features.c derives ten channels"
#endif

/* round(x / scale) + zero point, halves away from zero, within int8. x is finite. */
static int8_t quantise(float value) {
  float quotient = value / PSKD_INPUT_SCALE;
  int32_t rounded;
  /* Far outside int8 either way, so that the conversion to an integer is always defined. */
  if (quotient < -512.0f) quotient = -512.0f;
  if (quotient > 512.0f) quotient = 512.0f;
  rounded = (int32_t)roundf(quotient) + PSKD_INPUT_ZERO_POINT;
  if (rounded < -128) rounded = -128;
  if (rounded > 127) rounded = 127;
  return (int8_t)rounded;
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
    for (axis = 0; axis < 3; ++axis) {
      const float first = samples[3 * lower + axis];
      const float second = samples[3 * (lower + 1) + axis];
      resampled[3 * step + axis] = first + fraction * (second - first);
    }
  }
  return PSKD_OK;
}

PskdStatus pskd_quantise_features(const float *resampled, int8_t *input) {
  const int32_t half = PSKD_GRAVITY_TAPS / 2;
  int32_t step, tap;
  int axis, channel;
  for (step = 0; step < PSKD_STEPS; ++step) {
    const float *sample = resampled + 3 * step;
    float features[PSKD_CHANNELS];
    features[3] =
        sqrtf((sample[0] * sample[0] + sample[1] * sample[1]) + sample[2] * sample[2]) - 1.0f;
    for (axis = 0; axis < 3; ++axis) {
      /* Summed anew at each step: a running sum would drift away from the host's bits. */
      float total = 0.0f;
      for (tap = 0; tap < PSKD_GRAVITY_TAPS; ++tap) {
        int32_t index = step + tap - half;
        if (index < 0) index = 0;
        if (index > PSKD_STEPS - 1) index = PSKD_STEPS - 1;
        total += resampled[3 * index + axis];
      }
      features[axis] = sample[axis];
      features[4 + axis] = total / (float)PSKD_GRAVITY_TAPS;
      features[7 + axis] = sample[axis] - features[4 + axis];
    }
    for (channel = 0; channel < PSKD_CHANNELS; ++channel) {
      if (!isfinite(features[channel])) return PSKD_NOT_FINITE;
      input[PSKD_CHANNELS * step + channel] = quantise(features[channel]);
    }
  }
  return PSKD_OK;
}

PskdStatus pskd_prepare_clip(const float *samples, int32_t length, float *workspace,
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
