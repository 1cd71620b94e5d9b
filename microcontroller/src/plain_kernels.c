#include "plain_kernels.h"

#if (-1 >> 1) != -1
#error "plain_kernels.c needs an arithmetic right shift"
#endif

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__) && !defined(__ARM_BIG_ENDIAN) && \
    !defined(PSKD_PLAIN_PORTABLE)
#define PSKD_PLAIN_DSP 1
#include <arm_acle.h>
#include <string.h>
#else
#define PSKD_PLAIN_DSP 0
#endif

#if defined(__GNUC__)
#define PSKD_PLAIN_INLINE static inline __attribute__((always_inline))
#else
#define PSKD_PLAIN_INLINE static inline
#endif

PSKD_PLAIN_INLINE int32_t clamp(int32_t value, int32_t minimum, int32_t maximum) {
  if (value < minimum) value = minimum;
  if (value > maximum) value = maximum;
  return value;
}

PSKD_PLAIN_INLINE int8_t saturate(int32_t value) {
#if PSKD_PLAIN_DSP
  return (int8_t)__ssat(value, 8);
#else
  return (int8_t)clamp(value, -128, 127);
#endif
}

/* The output of a layer: sum * multiplier / 2^31, halves up, then / 2^(shift + 1), halves away
 * from zero. With floor division both are one:
 *   floor((sum * multiplier + 2^30 + 2^31 * c) / 2^(32 + shift)), c = 2^shift - (sum < 0).
 * The sign of the sum stands for that of the first quotient: they differ only where that is 0,
 * and there c does not matter. Only the upper word is then needed.
 */
PSKD_PLAIN_INLINE int8_t finish(const PskdPlainChannel *scale, int32_t sum, int32_t zero_point) {
  const int32_t c = ((int32_t)1 << scale->shift) + (sum >> 31);
  const uint32_t low = (uint32_t)c << 31 | (uint32_t)1 << 30;
  const uint64_t start = (uint64_t)(uint32_t)(c >> 1) << 32 | low;
  const int64_t product = (int64_t)start + (int64_t)sum * scale->multiplier;
  return saturate(((int32_t)(product >> 32) >> scale->shift) + zero_point);
}

/* A fused activation that is narrower than int8: seldom, hence afterwards. */
static void activate(const PskdPlainLayer *layer, int8_t *output) {
  const int32_t size = layer->positions * layer->channels;
  int32_t index;
  if (layer->minimum <= -128 && layer->maximum >= 127) return;
  for (index = 0; index < size; ++index) {
    output[index] = (int8_t)clamp(output[index], layer->minimum, layer->maximum);
  }
}

#if PSKD_PLAIN_DSP

/* Four int8 values, or two int16 values as the DSP instructions take them. */
typedef uint32_t __attribute__((may_alias)) Word;

PSKD_PLAIN_INLINE Word load(const int8_t *bytes) {
  Word word;
  memcpy(&word, bytes, sizeof(word)); /* may be unaligned; one instruction all the same */
  return word;
}

/* Bytes 0 and 2, widened to int16. */
PSKD_PLAIN_INLINE Word even_bytes(Word word) { return (Word)__sxtb16((int8x4_t)word); }

/* Bytes 1 and 3, widened to int16. */
PSKD_PLAIN_INLINE Word odd_bytes(Word word) {
#if defined(__arm__)
  /* ACLE has no rotation within the instruction. */
  Word widened;
  __asm__("sxtb16 %0, %1, ror #8" : "=r"(widened) : "r"(word));
  return widened;
#else
  return even_bytes(word >> 8 | word << 24);
#endif
}

PSKD_PLAIN_INLINE int32_t multiply_add(Word first, Word second, int32_t sum) {
  return __smlad((int16x2_t)first, (int16x2_t)second, sum);
}

/* Sums of two rows and two channels: row, channel. */
typedef struct {
  int32_t of11, of12, of21, of22;
} Sums;

/* Four weights of each of two channels times one or two rows. */
PSKD_PLAIN_INLINE Sums multiply_block(Sums sums, const Word *weights, const Word *window,
                                      int rows) {
  const Word even1 = even_bytes(weights[0]), even2 = even_bytes(weights[1]);
  const Word odd1 = odd_bytes(weights[0]), odd2 = odd_bytes(weights[1]);
  sums.of11 = multiply_add(even1, window[0], sums.of11);
  sums.of12 = multiply_add(even2, window[0], sums.of12);
  sums.of11 = multiply_add(odd1, window[1], sums.of11);
  sums.of12 = multiply_add(odd2, window[1], sums.of12);
  if (rows == 2) {
    sums.of21 = multiply_add(even1, window[2], sums.of21);
    sums.of22 = multiply_add(even2, window[2], sums.of22);
    sums.of21 = multiply_add(odd1, window[3], sums.of21);
    sums.of22 = multiply_add(odd2, window[3], sums.of22);
  }
  return sums;
}

/* One or two output rows. The windows are widened once for all output channels. */
PSKD_PLAIN_INLINE void dense_rows(const PskdPlainLayer *layer, const int8_t *input,
                                  int8_t *scratch, int8_t *output, int rows) {
  const Word *weights = (const Word *)layer->weights;
  const PskdPlainChannel *scale = layer->scales;
  const int32_t channels = layer->channels, zero_point = layer->zero_point;
  const int8_t *const end = input + layer->depth;
  Word *widened = (Word *)scratch;
  int32_t channel;
  for (; input != end; input += 4) {
    int row;
    for (row = 0; row < rows; ++row) {
      const Word bytes = load(input + row * layer->step);
      *widened++ = even_bytes(bytes);
      *widened++ = odd_bytes(bytes);
    }
  }
  for (channel = 0; channel < channels; channel += 2) {
    const int pair = channel + 1 != channels;
    const Word *window = (const Word *)scratch;
    Sums sums;
    int8_t out11, out12, out21, out22;
    sums.of11 = sums.of21 = scale[0].bias;
    sums.of12 = sums.of22 = scale[pair].bias;
    do {
      sums = multiply_block(sums, weights, window, rows);
      sums = multiply_block(sums, weights + 2, window + 2 * rows, rows);
      weights += 4;
      window += 4 * rows;
    } while (window != widened);
    out11 = finish(&scale[0], sums.of11, zero_point);
    out12 = finish(&scale[pair], sums.of12, zero_point);
    out21 = finish(&scale[0], sums.of21, zero_point);
    out22 = finish(&scale[pair], sums.of22, zero_point);
    scale += 2;
    output[channel] = out11;
    if (rows == 2) output[channels + channel] = out21;
    if (pair) {
      output[channel + 1] = out12;
      if (rows == 2) output[channels + channel + 1] = out22;
    }
  }
}

void pskd_plain_dense(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                      int8_t *output) {
  int8_t *row = output;
  int32_t position = 0;
  for (; position + 1 < layer->positions; position += 2) {
    dense_rows(layer, input, scratch, row, 2);
    input += 2 * layer->step;
    row += 2 * layer->channels;
  }
  if (position < layer->positions) dense_rows(layer, input, scratch, row, 1);
  activate(layer, output);
}

#else /* portable */

void pskd_plain_dense(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                      int8_t *output) {
  int8_t *row = output;
  int32_t position, channel, byte;
  (void)scratch;
  for (position = 0; position < layer->positions; ++position) {
    const int8_t *weights = layer->weights;
    for (channel = 0; channel < layer->channels; channel += 2) {
      const int pair = channel + 1 != layer->channels;
      const PskdPlainChannel *scale = layer->scales + channel;
      int32_t first = scale[0].bias, second = scale[pair].bias;
      for (byte = 0; byte < layer->depth; byte += 4) {
        const int8_t *window = input + byte;
        first += window[0] * weights[0] + window[1] * weights[1] + window[2] * weights[2] +
                 window[3] * weights[3];
        second += window[0] * weights[4] + window[1] * weights[5] + window[2] * weights[6] +
                  window[3] * weights[7];
        weights += 8;
      }
      row[channel] = finish(&scale[0], first, layer->zero_point);
      if (pair) row[channel + 1] = finish(&scale[1], second, layer->zero_point);
    }
    input += layer->step;
    row += layer->channels;
  }
  activate(layer, output);
}

#endif

void pskd_plain_depthwise(const PskdPlainLayer *layer, const int8_t *input, int8_t *output) {
  const int32_t channels = layer->channels, zero_point = layer->zero_point;
  const int32_t end = layer->depth * channels;
  int8_t *row = output;
  int32_t position, channel, tap; /* `tap` counts in bytes of a row */
  for (position = 0; position < layer->positions; ++position) {
    channel = 0;
#if PSKD_PLAIN_DSP
    for (; channel + 4 <= channels; channel += 4) {
      const int8_t *window = input + channel, *weights = layer->weights + channel;
      const PskdPlainChannel *scale = layer->scales + channel;
      int32_t sum1 = scale[0].bias, sum2 = scale[1].bias;
      int32_t sum3 = scale[2].bias, sum4 = scale[3].bias;
      for (tap = 0; tap != end; tap += channels) {
        const Word values = load(window + tap), factors = load(weights + tap);
        const int32_t even = (int32_t)even_bytes(values), odd = (int32_t)odd_bytes(values);
        const int32_t even_factors = (int32_t)even_bytes(factors);
        const int32_t odd_factors = (int32_t)odd_bytes(factors);
        sum1 = __smlabb(even, even_factors, sum1);
        sum2 = __smlabb(odd, odd_factors, sum2);
        sum3 = __smlatt(even, even_factors, sum3);
        sum4 = __smlatt(odd, odd_factors, sum4);
      }
      row[channel] = finish(&scale[0], sum1, zero_point);
      row[channel + 1] = finish(&scale[1], sum2, zero_point);
      row[channel + 2] = finish(&scale[2], sum3, zero_point);
      row[channel + 3] = finish(&scale[3], sum4, zero_point);
    }
#endif
    for (; channel < channels; ++channel) {
      const int8_t *window = input + channel, *weights = layer->weights + channel;
      const PskdPlainChannel *scale = layer->scales + channel;
      int32_t sum = scale->bias;
      for (tap = 0; tap != end; tap += channels) sum += window[tap] * weights[tap];
      row[channel] = finish(scale, sum, zero_point);
    }
    input += layer->step;
    row += channels;
  }
  activate(layer, output);
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
      *output++ = (int8_t)clamp(sum, pool->minimum, pool->maximum);
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
    output[index] = (int8_t)clamp(value + add->zero_point, add->minimum, add->maximum);
  }
}
