#include "plain_kernels.h"

#include <string.h>

#include "plain_requantise.h"

#if PSKD_PLAIN_FAMILY == PSKD_PLAIN_ANY

/* Rows at a time: with eight registers (Cortex-M0+) the sums of two are too many. */
#if defined(__ARM_ARCH_ISA_THUMB) && __ARM_ARCH_ISA_THUMB == 1
#define ROWS 1
#else
#define ROWS 2
#endif

/* Sums of two rows and two channels: row, channel. */
typedef struct {
  int32_t of11, of12, of21, of22;
} Sums;

/* One weight of each channel times as many rows. */
PSKD_PLAIN_INLINE Sums multiply(Sums sums, const int8_t *weights, int32_t value1, int32_t value2,
                                int rows) {
  const int32_t weight1 = weights[0], weight2 = weights[4];
  sums.of11 += value1 * weight1;
  sums.of12 += value1 * weight2;
  if (rows == 2) {
    sums.of21 += value2 * weight1;
    sums.of22 += value2 * weight2;
  }
  return sums;
}

/* One or two output rows, two channels at a time: each byte that is loaded counts twice. */
PSKD_PLAIN_INLINE void dense_rows(const PskdPlainLayer *layer, const int8_t *input,
                                  int8_t *output, int rows) {
  const int32_t channels = layer->channels, zero_point = layer->zero_point;
  const int32_t step = rows == 2 ? layer->step : 0;
  const int8_t *weights = layer->weights;
  const PskdPlainChannel *scale = layer->scales;
  const int8_t *const end = input + layer->depth;
  int32_t channel;
  for (channel = 0; channel < channels; channel += 2) {
    const int8_t *row1 = input, *row2 = input + step;
    Sums sums;
    sums.of11 = sums.of21 = scale[0].bias;
    sums.of12 = sums.of22 = scale[1].bias;
    do {
      sums = multiply(sums, weights, row1[0], row2[0], rows);
      sums = multiply(sums, weights + 1, row1[1], row2[1], rows);
      sums = multiply(sums, weights + 2, row1[2], row2[2], rows);
      sums = multiply(sums, weights + 3, row1[3], row2[3], rows);
      weights += 8;
      row1 += 4;
      row2 += 4;
    } while (row1 != end);
    output[0] = pskd_plain_output(&scale[0], sums.of11, zero_point);
    if (rows == 2) output[channels] = pskd_plain_output(&scale[0], sums.of21, zero_point);
    ++output;
    if (channel + 1 == channels) return;
    output[0] = pskd_plain_output(&scale[1], sums.of12, zero_point);
    if (rows == 2) output[channels] = pskd_plain_output(&scale[1], sums.of22, zero_point);
    ++output;
    scale += 2;
  }
}

void pskd_plain_dense(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                      int8_t *output) {
  int8_t *row = output;
  int32_t position = 0;
  (void)scratch;
  for (; position + ROWS <= layer->positions; position += ROWS) {
    dense_rows(layer, input, row, ROWS);
    input += ROWS * layer->step;
    row += ROWS * layer->channels;
  }
  if (position < layer->positions) dense_rows(layer, input, row, 1);
  pskd_plain_activate(layer, output);
}

void pskd_plain_depthwise(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                          int8_t *output) {
  const int32_t channels = layer->channels, zero_point = layer->zero_point;
  const int32_t end = layer->depth * channels;
  int8_t *row = output;
  int32_t position, channel, tap; /* `tap` counts in bytes of a row */
  (void)scratch;
  for (position = 0; position < layer->positions; ++position) {
    for (channel = 0; channel < channels; ++channel) {
      const int8_t *window = input + channel, *weights = (const int8_t *)layer->weights + channel;
      const PskdPlainChannel *scale = layer->scales + channel;
      int32_t sum = scale->bias;
      for (tap = 0; tap != end; tap += channels) sum += window[tap] * weights[tap];
      row[channel] = pskd_plain_output(scale, sum, zero_point);
    }
    input += layer->step;
    row += channels;
  }
  pskd_plain_activate(layer, output);
}

#endif /* PSKD_PLAIN_ANY */

#if PSKD_PLAIN_FAMILY != PSKD_PLAIN_DSP

/* For the DSP extension alone; here so that such a model runs on any core. */
void pskd_plain_dense_wide(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                           int8_t *output) {
  int8_t *row = output;
  int32_t position, channel, byte;
  (void)scratch;
  for (position = 0; position < layer->positions; ++position) {
    for (channel = 0; channel < layer->channels; ++channel) {
      const int16_t *weights = (const int16_t *)layer->weights +
                               (channel / 2 * layer->depth * 2 + channel % 2 * 4);
      int32_t sum = layer->scales[channel].bias;
      for (byte = 0; byte < layer->depth; byte += 4) {
        sum += input[byte] * weights[0] + input[byte + 2] * weights[1] +
               input[byte + 1] * weights[2] + input[byte + 3] * weights[3];
        weights += 8;
      }
      row[channel] = pskd_plain_output(&layer->scales[channel], sum, layer->zero_point);
    }
    input += layer->step;
    row += layer->channels;
  }
  pskd_plain_activate(layer, output);
}

#endif

/* Windows at a time: as many as share their loads of weights in the DSP kernel. */
#define WINDOWS 3

void pskd_plain_dilated(const PskdPlainDilated *layer, const int8_t *input, int8_t *scratch,
                        int8_t *output) {
  PskdPlainLayer windows;
  int32_t position, row, tap;
  windows.weights = layer->weights;
  windows.scales = layer->scales;
  windows.channels = layer->channels;
  windows.step = windows.depth = layer->depth;
  windows.zero_point = layer->zero_point;
  windows.minimum = layer->minimum;
  windows.maximum = layer->maximum;
  for (position = 0; position < layer->positions; position += WINDOWS) {
    const int32_t left = layer->positions - position;
    windows.positions = left < WINDOWS ? left : WINDOWS;
    for (row = 0; row < windows.positions; ++row) {
      int8_t *window = scratch + row * layer->depth;
      for (tap = 0; tap < layer->taps; ++tap) {
        memcpy(window + tap * layer->tap_bytes, input + tap * layer->gap,
               (size_t)layer->tap_bytes);
      }
      input += layer->step;
    }
    pskd_plain_dense(&windows, scratch, scratch + WINDOWS * layer->depth, output);
    output += windows.positions * layer->channels;
  }
}

void pskd_plain_average_pool(const PskdPlainPool *pool, const int8_t *input, int8_t *output) {
  int32_t position, channel, row;
  for (position = 0; position < pool->positions; ++position) {
    int32_t first = position * pool->stride - pool->head, end = first + pool->taps;
    int32_t count;
    if (first < 0) first = 0;
    if (end > pool->input_rows) end = pool->input_rows;
    count = end - first;
    for (channel = 0; channel < pool->channels; ++channel) {
      int32_t sum = 0;
      for (row = first; row < end; ++row) sum += input[row * pool->channels + channel];
      sum = (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
      *output++ = (int8_t)pskd_plain_clamp(sum, pool->minimum, pool->maximum);
    }
  }
}

void pskd_plain_max_pool(const PskdPlainPool *pool, const int8_t *input, int8_t *output) {
  int32_t position, channel, row;
  for (position = 0; position < pool->positions; ++position) {
    int32_t first = position * pool->stride - pool->head, end = first + pool->taps;
    if (first < 0) first = 0;
    if (end > pool->input_rows) end = pool->input_rows;
    for (channel = 0; channel < pool->channels; ++channel) {
      int32_t largest = -128;
      for (row = first; row < end; ++row) {
        const int32_t value = input[row * pool->channels + channel];
        if (value > largest) largest = value;
      }
      *output++ = (int8_t)pskd_plain_clamp(largest, pool->minimum, pool->maximum);
    }
  }
}

/* As `finish`, but value * multiplier / 2^31 / 2^shift and without the zero point. */
static int32_t rescale(int32_t value, int32_t multiplier, int32_t shift) {
  const int32_t high = (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << 30)) >> 31);
  const int32_t mask = (int32_t)(((uint32_t)1 << shift) - 1u);
  const int32_t half = (mask >> 1) + (high < 0);
  return (high >> shift) + ((high & mask) > half);
}

void pskd_plain_add(const PskdPlainAdd *add, const int8_t *first, const int8_t *second,
                    int8_t *output) {
  int32_t index;
  for (index = 0; index < add->size; ++index) {
    /* 20 bits of fraction, as TensorFlow Lite takes for int8. */
    const int32_t left = (first[index] - add->zero_points[0]) * (1 << 20);
    const int32_t right = (second[index] - add->zero_points[1]) * (1 << 20);
    const int32_t sum = rescale(left, add->multipliers[0], add->shifts[0]) +
                        rescale(right, add->multipliers[1], add->shifts[1]);
    const int32_t value = rescale(sum, add->multiplier, add->shift);
    output[index] = (int8_t)pskd_plain_clamp(value + add->zero_point, add->minimum, add->maximum);
  }
}

void pskd_plain_mean(const PskdPlainMean *mean, const int8_t *input, int8_t *output) {
  int32_t channel, row;
  for (channel = 0; channel < mean->channels; ++channel) {
    int32_t sum = -mean->rows * mean->zero_points[0];
    for (row = 0; row < mean->rows; ++row) sum += input[row * mean->channels + channel];
    sum = rescale(sum * ((int32_t)1 << mean->shifts[0]), mean->multiplier, mean->shifts[1]);
    output[channel] = (int8_t)pskd_plain_clamp(sum + mean->zero_points[1], -128, 127);
  }
}

void pskd_plain_lookup(const PskdPlainLookup *lookup, const int8_t *input, int8_t *output) {
  int32_t index;
  for (index = 0; index < lookup->size; ++index) output[index] = lookup->table[input[index] + 128];
}

void pskd_plain_pad(const PskdPlainPad *pad, const int8_t *input, int8_t *output) {
  memset(output, (int)pad->zero_point, (size_t)pad->head);
  memcpy(output + pad->head, input, (size_t)pad->size);
  memset(output + pad->head + pad->size, (int)pad->zero_point, (size_t)pad->tail);
}
