/* From a sum to an int8 output, for the kernels of every family. */
#ifndef PSKD_PLAIN_REQUANTISE_H_
#define PSKD_PLAIN_REQUANTISE_H_

#include "plain_kernels.h"

#if (-1 >> 1) != -1
#error "the plain kernels need an arithmetic right shift"
#endif

#if defined(__GNUC__)
#define PSKD_PLAIN_INLINE static inline __attribute__((always_inline))
#define PSKD_PLAIN_NO_INLINE __attribute__((noinline))
#else
#define PSKD_PLAIN_INLINE static inline
#define PSKD_PLAIN_NO_INLINE
#endif

PSKD_PLAIN_INLINE int32_t pskd_plain_clamp(int32_t value, int32_t minimum, int32_t maximum) {
  if (value < minimum) value = minimum;
  if (value > maximum) value = maximum;
  return value;
}

/* round(first * second / 2^32), halves up, + addend. */
PSKD_PLAIN_INLINE int32_t pskd_plain_high_multiply_add(int32_t first, int32_t second,
                                                       int32_t addend) {
#if defined(__ARM_FEATURE_DSP) && defined(__arm__) && defined(__GNUC__)
  /* ACLE has no name for this one; compilers write two instructions more. */
  int32_t high;
  __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(first), "r"(second), "r"(addend));
  return high;
#else
  return (int32_t)(((int64_t)first * second + ((int64_t)1 << 31)) >> 32) + addend;
#endif
}

PSKD_PLAIN_INLINE int8_t pskd_plain_saturate(int32_t value) {
#if defined(__ARM_FEATURE_DSP) && defined(__arm__) && defined(__GNUC__)
  int32_t saturated;
  __asm__("ssat %0, #8, %1" : "=r"(saturated) : "r"(value));
  return (int8_t)saturated;
#else
  return (int8_t)pskd_plain_clamp(value, -128, 127);
#endif
}

/* What requantisation adds before its last shift: a half and the output's zero point. */
PSKD_PLAIN_INLINE int32_t pskd_plain_addend(int32_t zero_point, int32_t shift) {
  return (2 * zero_point + 1) * ((int32_t)1 << shift);
}

/* The output of a layer: sum * multiplier / 2^31, halves up, then / 2^(shift + 1), halves away
 * from zero, + zero point, within int8. With floor division all but the last step is
 *   floor((round(2 * sum * multiplier / 2^32) + addend - (sum < 0)) / 2^(shift + 1)).
 * The sign of the sum stands for that of the first quotient: they differ only where that is 0,
 * and there it does not matter. |sum| < 2^30 and shift <= 22 keep it within int32; the generator
 * of the model sees to both.
 */
PSKD_PLAIN_INLINE int8_t pskd_plain_requantise(int32_t sum, int32_t multiplier, int32_t addend,
                                               int32_t shift) {
  const int32_t corrected = addend + (sum >> 31);
  const int32_t scaled = pskd_plain_high_multiply_add(2 * sum, multiplier, corrected);
  return pskd_plain_saturate(scaled >> (shift + 1));
}

/* The same from a channel's row of the table. */
PSKD_PLAIN_INLINE int8_t pskd_plain_output(const PskdPlainChannel *scale, int32_t sum,
                                           int32_t zero_point) {
  return pskd_plain_requantise(sum, scale->multiplier,
                               pskd_plain_addend(zero_point, scale->shift), scale->shift);
}

/* A fused activation that is narrower than int8: seldom, hence afterwards. */
PSKD_PLAIN_INLINE void pskd_plain_activate(const PskdPlainLayer *layer, int8_t *output) {
  const int32_t size = layer->positions * layer->channels;
  int32_t index;
  if (layer->minimum <= -128 && layer->maximum >= 127) return;
  for (index = 0; index < size; ++index) {
    output[index] = (int8_t)pskd_plain_clamp(output[index], layer->minimum, layer->maximum);
  }
}

#endif /* PSKD_PLAIN_REQUANTISE_H_ */
