/* Stands in for ACLE's header on a host, so that the sanitizers see the DSP kernels too.
 *
 * The semantics are those of Arm's "ACLE" specification, 32-bit SIMD intrinsics; only what
 * plain_kernels.c calls.
 */
#ifndef PSKD_HOST_ARM_ACLE_H_
#define PSKD_HOST_ARM_ACLE_H_

#include <stdint.h>

typedef int32_t int8x4_t;
typedef int32_t int16x2_t;

static inline int16_t pskd_half(int32_t word, int top) {
  return (int16_t)(uint16_t)((uint32_t)word >> (top ? 16 : 0));
}

static inline int16x2_t __sxtb16(int8x4_t word) {
  const uint32_t bytes = (uint32_t)word;
  const uint16_t low = (uint16_t)(int16_t)(int8_t)(uint8_t)bytes;
  const uint16_t high = (uint16_t)(int16_t)(int8_t)(uint8_t)(bytes >> 16);
  return (int16x2_t)((uint32_t)high << 16 | low);
}

/* The saturated value; the range has `bits` bits. */
static inline int32_t __ssat(int32_t value, int bits) {
  const int32_t limit = (int32_t)1 << (bits - 1);
  if (value < -limit) return -limit;
  return value > limit - 1 ? limit - 1 : value;
}

/* Sums in int32, so that the undefined behaviour sanitizer reports an overflow. */
static inline int32_t __smlabb(int32_t first, int32_t second, int32_t sum) {
  return sum + pskd_half(first, 0) * pskd_half(second, 0);
}

static inline int32_t __smlatt(int32_t first, int32_t second, int32_t sum) {
  return sum + pskd_half(first, 1) * pskd_half(second, 1);
}

static inline int32_t __smlad(int16x2_t first, int16x2_t second, int32_t sum) {
  return __smlatt(first, second, __smlabb(first, second, sum));
}

#endif /* PSKD_HOST_ARM_ACLE_H_ */
