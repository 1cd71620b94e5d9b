/* The int8 kernels that a generated "plain_model.c" calls; no interpreter, no heap, no state.
 *
 * C99. Results are TensorFlow Lite Micro's reference kernels', bit for bit: double rounding (a
 * rounding doubling high multiply, then a rounding right shift). With the Cortex-M DSP extension
 * (__ARM_FEATURE_DSP) other code gives the same bits in fewer instructions; define
 * PSKD_PLAIN_PORTABLE to do without it.
 *
 * Signals are rows of channels, (rows, channels), as time steps of width 1 lie in memory. A
 * kernel reads its padding and, where told so, up to seven bytes more from around its input:
 * the generated model lays its buffers out so that they are there.
 */
#ifndef PSKD_PLAIN_KERNELS_H_
#define PSKD_PLAIN_KERNELS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Arrays that the DSP kernels read word by word. */
#if defined(__GNUC__)
#define PSKD_PLAIN_ALIGNED __attribute__((aligned(4)))
#else
#define PSKD_PLAIN_ALIGNED
#endif

/* What one output channel adds and by what it is scaled: (sum + bias) * multiplier / 2^32 /
 * 2^shift, rounded twice, at 2^31 and then below. No sum leaves int32. */
typedef struct {
  int32_t bias; /* the zero point of the input is folded in */
  int32_t multiplier;
  int32_t shift; /* 0 to 30 */
} PskdPlainChannel;

/* A layer with weights. */
typedef struct {
  const int8_t *weights; /* order: see the kernels */
  const PskdPlainChannel *scales;
  int32_t positions;        /* rows of the output */
  int32_t channels;         /* channels of the output */
  int32_t step;             /* bytes of the input from one output row to the next */
  int32_t depth;            /* dense: bytes of a window, a multiple of 8; depthwise: taps */
  int32_t zero_point;       /* of the output */
  int32_t minimum, maximum; /* of the output, from the fused activation */
} PskdPlainLayer;

/* Convolution along time, or a fully connected layer (one position).
 *
 * The window of an output row is `depth` consecutive bytes. Weights: (pairs of output channels,
 * depth / 4, 2, 4); an odd last channel has a partner of zeros, whose output is not stored.
 * input: the first window; up to seven bytes beyond the last one are read and count nothing.
 * scratch: 4 * depth bytes, aligned to 4 (2 * depth for one position).
 */
void pskd_plain_dense(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                      int8_t *output);

/* Convolution along time of each channel by itself. Weights: (depth, channels). */
void pskd_plain_depthwise(const PskdPlainLayer *layer, const int8_t *input, int8_t *output);

/* Mean over time, halves away from zero; rows outside the input count nothing. */
typedef struct {
  int32_t input_rows, positions, channels;
  int32_t taps, stride;
  int32_t head; /* rows that the first window reaches before the input */
  int32_t minimum, maximum;
} PskdPlainPool;

void pskd_plain_average_pool(const PskdPlainPool *pool, const int8_t *input, int8_t *output);

/* Sum of two tensors of one shape. */
typedef struct {
  int32_t size;
  int32_t zero_points[2], multipliers[2], shifts[2];
  int32_t zero_point, multiplier, shift;
  int32_t minimum, maximum;
} PskdPlainAdd;

void pskd_plain_add(const PskdPlainAdd *add, const int8_t *first, const int8_t *second,
                    int8_t *output);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_PLAIN_KERNELS_H_ */
