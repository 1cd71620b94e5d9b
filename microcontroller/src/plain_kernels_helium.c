/* Convolutions for Helium, the vectors of Cortex-M55 and M85.
 *
 * Sixteen int8 products an instruction (VMLADAVA), and requantisation of four output rows at once.
 * Loads beyond the end of a window are masked: nothing is read of a signal that plain_kernels.h
 * does not allow the other families. Of a dense layer's weights, 16 bytes beyond the end are read.
 */
#include "plain_kernels.h"

#if PSKD_PLAIN_FAMILY == PSKD_PLAIN_HELIUM

#include <arm_mve.h>
#include <string.h>

#include "plain_requantise.h"

/* Output rows that are computed together, one in each lane. */
#define LANES 4

/* Requantises one channel's sums in four output rows, as pskd_plain_requantise does. The lowest
 * byte of each lane is the output.
 */
PSKD_PLAIN_INLINE int32x4_t requantise_lanes(int32x4_t sums, const PskdPlainChannel *scale,
                                             int32_t zero_point) {
  const int32x4_t corrected =
      vaddq_n_s32(vshrq_n_s32(sums, 31), pskd_plain_addend(zero_point, scale->shift));
  const int32x4_t high = vqrdmulhq_n_s32(sums, scale->multiplier);
  const int32x4_t values = vshlq_r_s32(vaddq_s32(high, corrected), -1 - scale->shift);
  /* To int16, then to int8; the upper bytes of the lanes are what they were. */
  const int16x8_t halves = vqmovnbq_s32(vreinterpretq_s16_s32(values), values);
  return vreinterpretq_s32_s8(vqmovnbq_s16(vreinterpretq_s8_s16(halves), halves));
}

/* Four sums in lanes. */
PSKD_PLAIN_INLINE int32x4_t lanes(int32_t sum1, int32_t sum2, int32_t sum3, int32_t sum4) {
  int32x4_t sums = vuninitializedq_s32();
  sums = vsetq_lane_s32(sum1, sums, 0);
  sums = vsetq_lane_s32(sum2, sums, 1);
  sums = vsetq_lane_s32(sum3, sums, 2);
  return vsetq_lane_s32(sum4, sums, 3);
}

/* Stores the outputs of as many rows as there are, at most four. */
PSKD_PLAIN_INLINE void store_rows(int32x4_t outputs, int8_t *output, uint32x4_t offsets,
                                  int32_t rows) {
  if (rows >= LANES) {
    vstrbq_scatter_offset_s32(output, offsets, outputs);
  } else {
    vstrbq_scatter_offset_p_s32(output, offsets, outputs, vctp32q((uint32_t)rows));
  }
}

/* Offsets of the rows that the lanes stand for. */
PSKD_PLAIN_INLINE uint32x4_t row_offsets(int32_t step) {
  return vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)step);
}

/* Sums of two rows and two channels: row, channel. */
typedef struct {
  int32_t of11, of12, of21, of22;
} Sums;

/* Sixteen weights of each of two channels times two rows. */
PSKD_PLAIN_INLINE Sums multiply_block(Sums sums, const int8_t *weights, int8x16_t row1,
                                      int8x16_t row2) {
  /* Weights of the two channels alternate by fours. */
  const int32x4x2_t words = vld2q_s32((const int32_t *)weights);
  const int8x16_t channel1 = vreinterpretq_s8_s32(words.val[0]);
  const int8x16_t channel2 = vreinterpretq_s8_s32(words.val[1]);
  sums.of11 = vmladavaq_s8(sums.of11, channel1, row1);
  sums.of12 = vmladavaq_s8(sums.of12, channel2, row1);
  sums.of21 = vmladavaq_s8(sums.of21, channel1, row2);
  sums.of22 = vmladavaq_s8(sums.of22, channel2, row2);
  return sums;
}

/* Two windows, `step` bytes apart, times the weights of two channels. */
PSKD_PLAIN_INLINE Sums multiply_windows(const int8_t *input, int32_t step, int32_t depth,
                                        const int8_t *weights, int32_t bias1, int32_t bias2) {
  const int8_t *other = input + step;
  Sums sums;
  int32_t blocks;
  sums.of11 = sums.of21 = bias1;
  sums.of12 = sums.of22 = bias2;
  for (blocks = depth / 16; blocks > 0; --blocks) {
    sums = multiply_block(sums, weights, vldrbq_s8(input), vldrbq_s8(other));
    weights += 32;
    input += 16;
    other += 16;
  }
  if (depth % 16) {
    const mve_pred16_t valid = vctp8q((uint32_t)depth % 16u);
    sums = multiply_block(sums, weights, vldrbq_z_s8(input, valid), vldrbq_z_s8(other, valid));
  }
  return sums;
}

/* Up to four output rows. */
PSKD_PLAIN_INLINE void dense_rows(const PskdPlainLayer *layer, const int8_t *input,
                                  int8_t *output, int32_t rows) {
  const int32_t channels = layer->channels, depth = layer->depth, step = layer->step;
  const uint32x4_t offsets = row_offsets(channels);
  const int8_t *weights = layer->weights;
  const PskdPlainChannel *scale = layer->scales;
  int32_t channel;
  for (channel = 0; channel < channels; channel += 2) {
    const int32_t bias1 = scale[0].bias, bias2 = scale[1].bias;
    /* A row that is not there is a row that is, once more. */
    const Sums first =
        multiply_windows(input, rows > 1 ? step : 0, depth, weights, bias1, bias2);
    const Sums second = rows > 2 ? multiply_windows(input + 2 * step, rows > 3 ? step : 0, depth,
                                                    weights, bias1, bias2)
                                 : first;
    const int32x4_t sums1 = lanes(first.of11, first.of21, second.of11, second.of21);
    const int32x4_t sums2 = lanes(first.of12, first.of22, second.of12, second.of22);
    store_rows(requantise_lanes(sums1, &scale[0], layer->zero_point), output++, offsets, rows);
    if (channel + 1 == channels) return;
    store_rows(requantise_lanes(sums2, &scale[1], layer->zero_point), output++, offsets, rows);
    weights += 2 * depth;
    scale += 2;
  }
}

void pskd_plain_dense(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                      int8_t *output) {
  int8_t *row = output;
  int32_t left = layer->positions;
  (void)scratch;
  for (; left >= LANES; left -= LANES) {
    dense_rows(layer, input, row, LANES);
    input += LANES * layer->step;
    row += LANES * layer->channels;
  }
  if (left > 0) dense_rows(layer, input, row, left);
  pskd_plain_activate(layer, output);
}

/* Every `row_bytes`-th byte, `rows` of them, one after the other. */
PSKD_PLAIN_INLINE void gather_run(const int8_t *input, uint16x8_t offsets, int32_t row_bytes,
                                  int32_t rows, int8_t *run) {
  for (; rows > 0; rows -= 8) {
    const mve_pred16_t valid = vctp16q((uint32_t)rows);
    vstrbq_p_s16(run, vldrbq_gather_offset_z_s16(input, offsets, valid), valid);
    input += 8 * row_bytes;
    run += 8;
  }
}

/* One channel. Its rows are gathered into a run, of which sixteen bytes hold the windows of four
 * output rows; for the second to fourth window the weights move up by a stride each.
 * scratch: 32 bytes for the weights, then the run.
 */
PSKD_PLAIN_NO_INLINE static void depthwise_run(const PskdPlainLayer *layer, const int8_t *input, const int8_t *weights,
                          const PskdPlainChannel *scale, int32_t stride, int8_t *scratch,
                          int8_t *output) {
  const int32_t channels = layer->channels, taps = layer->depth, bias = scale->bias;
  const uint32x4_t output_offsets = row_offsets(channels);
  const uint16x8_t offsets = vmulq_n_u16(vidupq_n_u16(0, 1), (uint16_t)channels);
  int8_t *const run = scratch + 32;
  const int8_t *window = run;
  int8x16_t weights1, weights2, weights3, weights4;
  int32_t left;
  vstrbq_s8(scratch, vdupq_n_s8(0));
  vstrbq_s8(scratch + 16, vdupq_n_s8(0));
  gather_run(weights, offsets, channels, taps, scratch + 3 * stride);
  weights1 = vldrbq_s8(scratch + 3 * stride);
  weights2 = vldrbq_s8(scratch + 2 * stride);
  weights3 = vldrbq_s8(scratch + stride);
  weights4 = vldrbq_s8(scratch);
  gather_run(input, offsets, channels, (layer->positions - 1) * stride + taps, run);
  for (left = layer->positions; left > 0; left -= LANES) {
    const int8x16_t bytes = vldrbq_s8(window);
    const int32x4_t sums =
        lanes(vmladavaq_s8(bias, weights1, bytes), vmladavaq_s8(bias, weights2, bytes),
              vmladavaq_s8(bias, weights3, bytes), vmladavaq_s8(bias, weights4, bytes));
    store_rows(requantise_lanes(sums, scale, layer->zero_point), output, output_offsets, left);
    window += LANES * stride;
    output += LANES * channels;
  }
}

/* One channel with windows that sixteen bytes cannot hold. */
static void depthwise_channel(const PskdPlainLayer *layer, const int8_t *input,
                              const int8_t *weights, const PskdPlainChannel *scale,
                              int8_t *output) {
  const int32_t channels = layer->channels, bytes = layer->depth * channels;
  int32_t position, tap; /* `tap` counts in bytes of a row */
  for (position = 0; position < layer->positions; ++position) {
    int32_t sum = scale->bias;
    for (tap = 0; tap != bytes; tap += channels) sum += input[tap] * weights[tap];
    *output = pskd_plain_output(scale, sum, layer->zero_point);
    input += layer->step;
    output += channels;
  }
}

void pskd_plain_depthwise(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                          int8_t *output) {
  const int32_t stride = layer->step / layer->channels;
  const int fits = 3 * stride + layer->depth <= 16;
  int32_t channel;
  for (channel = 0; channel < layer->channels; ++channel) {
    const int8_t *const weights = (const int8_t *)layer->weights + channel;
    const PskdPlainChannel *const scale = layer->scales + channel;
    if (fits) {
      depthwise_run(layer, input + channel, weights, scale, stride, scratch, output + channel);
    } else {
      depthwise_channel(layer, input + channel, weights, scale, output + channel);
    }
  }
  pskd_plain_activate(layer, output);
}

#endif /* PSKD_PLAIN_HELIUM */
