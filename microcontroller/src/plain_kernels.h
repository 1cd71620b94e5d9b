/* The int8 kernels that a generated "plain_model.c" calls; no interpreter, no heap, no state.
 *
 * C99. Results are TensorFlow Lite Micro's reference kernels', bit for bit: double rounding (a
 * rounding doubling high multiply, then a rounding right shift). plain_kernels.c is the reference
 * and runs anywhere; for some cores the convolutions are other code, which gives the same bits in
 * fewer instructions. A project compiles all files; the compiler's target picks one family.
 *
 * Signals are rows of channels, (rows, channels), as time steps of width 1 lie in memory. A
 * kernel reads its padding and, where told so, up to seven bytes more from around its input, and
 * takes its working memory from the caller: the generated model lays its buffers out so that they
 * are there.
 */
#ifndef PSKD_PLAIN_KERNELS_H_
#define PSKD_PLAIN_KERNELS_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* PSKD_PLAIN_PORTABLE forces the first family, PSKD_PLAIN_NO_HELIUM the second one where there would
 * be the third. */
#define PSKD_PLAIN_ANY 0    /* plain_kernels.c */
#define PSKD_PLAIN_DSP 1    /* plain_kernels_dsp.c */
#define PSKD_PLAIN_HELIUM 2 /* plain_kernels_helium.c */
#if defined(PSKD_PLAIN_PORTABLE) || !defined(__GNUC__) || defined(__ARM_BIG_ENDIAN)
#define PSKD_PLAIN_FAMILY PSKD_PLAIN_ANY
#elif defined(__ARM_FEATURE_MVE) && !defined(PSKD_PLAIN_NO_HELIUM)
#define PSKD_PLAIN_FAMILY PSKD_PLAIN_HELIUM
#elif defined(__ARM_FEATURE_DSP)
#define PSKD_PLAIN_FAMILY PSKD_PLAIN_DSP
#else
#define PSKD_PLAIN_FAMILY PSKD_PLAIN_ANY
#endif

/* Arrays that are read word by word. */
#if defined(__GNUC__)
#define PSKD_PLAIN_ALIGNED __attribute__((aligned(4)))
#else
#define PSKD_PLAIN_ALIGNED
#endif

/* What one output channel adds and by what it is scaled: (sum + bias) * multiplier / 2^32 /
 * 2^shift, rounded twice, at 2^31 and then below. |sum + bias| < 2^30. */
typedef struct {
  int32_t bias; /* the zero point of the input is folded in */
  int32_t multiplier;
  int32_t shift; /* 0 to 22 */
} PskdPlainChannel;

/* A layer with weights. */
typedef struct {
  const void *weights; /* int8_t or int16_t; order: see the kernels */
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
 * depth / 4, 2, 4), and 16 bytes more if `depth` is no multiple of 16; an odd last channel has a
 * partner of zeros, in `scales` too, whose output is not stored.
 * input: the first window; up to seven bytes beyond the last one are read and count nothing.
 * scratch: 6 * depth + 24 bytes (2 * depth for less than three positions), aligned to 4.
 */
void pskd_plain_dense(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                      int8_t *output);

/* The same with weights in int16_t, (pairs, depth / 4, 2, 4), of each four the even ones first: twice
 * the flash, and fewer instructions with the DSP extension. Elsewhere it is slow.
 */
void pskd_plain_dense_wide(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                           int8_t *output);

/* A convolution along time with gaps between the rows of a window: PskdPlainLayer's fields, and what
 * a window is copied by. */
typedef struct {
  const void *weights;
  const PskdPlainChannel *scales;
  int32_t positions, channels;
  int32_t step, depth; /* as for pskd_plain_dense */
  int32_t zero_point;
  int32_t minimum, maximum;
  int32_t taps;      /* rows of a window */
  int32_t tap_bytes; /* bytes of a row */
  int32_t gap;       /* bytes of the input from one row of a window to the next */
} PskdPlainDilated;

/* scratch: 3 * depth bytes of copied windows, then as pskd_plain_dense for three positions. */
void pskd_plain_dilated(const PskdPlainDilated *layer, const int8_t *input, int8_t *scratch,
                        int8_t *output);

/* Convolution along time of each channel by itself. Weights: (depth, channels).
 *
 * scratch: what depthwise_scratch of pskd_tf/export/plain_c/weighted_layers.py computes, aligned to 4.
 */
void pskd_plain_depthwise(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                          int8_t *output);

/* Mean over time, halves away from zero; rows outside the input count nothing. */
typedef struct {
  int32_t input_rows, positions, channels;
  int32_t taps, stride;
  int32_t head; /* rows that the first window reaches before the input */
  int32_t minimum, maximum;
} PskdPlainPool;

void pskd_plain_average_pool(const PskdPlainPool *pool, const int8_t *input, int8_t *output);

/* Maximum over time. */
void pskd_plain_max_pool(const PskdPlainPool *pool, const int8_t *input, int8_t *output);

/* Mean over all rows, with an output scale of its own: (sum - rows * zero_points[0]) * 2^shifts[0] *
 * multiplier / 2^31 / 2^shifts[1] + zero_points[1], rounded as the sums of layers are. */
typedef struct {
  int32_t rows, channels;
  int32_t zero_points[2]; /* of the input, of the output */
  int32_t multiplier;
  int32_t shifts[2];
} PskdPlainMean;

void pskd_plain_mean(const PskdPlainMean *mean, const int8_t *input, int8_t *output);

/* A function of one value, by the table of its outputs for -128 to 127. */
typedef struct {
  const int8_t *table;
  int32_t size;
} PskdPlainLookup;

void pskd_plain_lookup(const PskdPlainLookup *lookup, const int8_t *input, int8_t *output);

/* Rows of zeros before and after the input. */
typedef struct {
  int32_t head, size, tail; /* bytes */
  int32_t zero_point;
} PskdPlainPad;

void pskd_plain_pad(const PskdPlainPad *pad, const int8_t *input, int8_t *output);

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
