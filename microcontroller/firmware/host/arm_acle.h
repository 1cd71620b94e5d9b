/* Stands in for ACLE's header on a host, so that the sanitizers see the DSP kernels too.
 *
 * The semantics are those of Arm's "ACLE" specification, 32-bit SIMD intrinsics; only what
 * plain_kernels_dsp.c calls.
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

/* Sums in int32, so that the undefined behaviour sanitizer reports an overflow. */
static inline int32_t __smlad(int16x2_t first, int16x2_t second, int32_t sum) {
  sum += pskd_half(first, 0) * pskd_half(second, 0);
  return sum + pskd_half(first, 1) * pskd_half(second, 1);
}

#endif /* PSKD_HOST_ARM_ACLE_H_ */
