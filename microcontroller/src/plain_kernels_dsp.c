/* Convolutions for the Cortex-M DSP extension: M4, M7, M33, and M55 or M85 without Helium.
 *
 * Two int16 products an instruction (SMLAD); int8 is widened to int16 on the way. Nothing is read
 * outside what plain_kernels.h allows: the windows, their padding and seven bytes more.
 */
#include "plain_kernels.h"

#if PSKD_PLAIN_FAMILY == PSKD_PLAIN_DSP

#include <arm_acle.h>
#include <string.h>

#include "plain_requantise.h"

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

/* The lower halves of both, the first one's below; and the upper ones. */
PSKD_PLAIN_INLINE Word low_halves(Word first, Word second) {
  return (first & 0xFFFFu) | second << 16;
}
PSKD_PLAIN_INLINE Word high_halves(Word first, Word second) {
  return first >> 16 | (second & 0xFFFF0000u);
}

PSKD_PLAIN_INLINE int32_t multiply_add(Word first, Word second, int32_t sum) {
  return __smlad((int16x2_t)first, (int16x2_t)second, sum);
}

/* Widens the windows of `rows` rows: of each four bytes the even ones, then the odd ones, row
 * after row. Returns the end of what it wrote. */
PSKD_PLAIN_INLINE Word *widen(const PskdPlainLayer *layer, const int8_t *input, Word *widened,
                              int rows) {
  const int32_t depth = layer->depth;
  Word *const end = widened + rows * (depth / 2);
  int row;
  for (row = 0; row < rows; ++row) {
    const int8_t *from = input;
    Word *to = widened + 2 * row;
    do {
      const Word bytes = load(from), more = load(from + 4);
      to[0] = even_bytes(bytes);
      to[1] = odd_bytes(bytes);
      to[2 * rows] = even_bytes(more);
      to[2 * rows + 1] = odd_bytes(more);
      from += 8;
      to += 4 * rows;
    } while (from != input + depth);
    input += layer->step;
  }
  return end;
}

/* Sums of a tile: three rows, two channels each. */
#define TILE_ROWS 3
typedef struct {
  int32_t of[TILE_ROWS][2];
} __attribute__((may_alias)) Tile;

/* Products of three widened windows with the weights of two channels, from `weights` and `window`
 * on until the latter is `end`, added to the biases of the two channels. The sums go to `end`.
 * With int8 weights a word holds four of a channel, with int16 weights two words do.
 */
#if defined(__thumb2__)
/* By hand: no compiler keeps six sums and what they are made of in fourteen registers. Eight bytes
 * of each window take 43 instructions for 48 products, 37 with int16 weights.
 */
#define INT8_WEIGHTS                                              \
  "ldrd r2, r10, [r0], #8\n\t" /* four weights of each channel */ \
  "sxtb16 r3, r2, ror #8\n\t"                                     \
  "sxtb16 r2, r2\n\t"                                             \
  "sxtb16 r11, r10, ror #8\n\t"                                   \
  "sxtb16 r10, r10\n\t"
#define INT16_WEIGHTS           \
  "ldrd r2, r3, [r0], #8\n\t"   \
  "ldrd r10, r11, [r0], #8\n\t"
#define PRODUCTS                                                       \
  "ldrd r12, lr, [r1], #8\n\t" /* a row's even bytes, its odd bytes */ \
  "smlad r4, r2, r12, r4\n\t"                                          \
  "smlad r5, r10, r12, r5\n\t"                                         \
  "smlad r4, r3, lr, r4\n\t"                                           \
  "smlad r5, r11, lr, r5\n\t"                                          \
  "ldrd r12, lr, [r1], #8\n\t"                                         \
  "smlad r6, r2, r12, r6\n\t"                                          \
  "smlad r7, r10, r12, r7\n\t"                                         \
  "smlad r6, r3, lr, r6\n\t"                                           \
  "smlad r7, r11, lr, r7\n\t"                                          \
  "ldrd r12, lr, [r1], #8\n\t"                                         \
  "smlad r8, r2, r12, r8\n\t"                                          \
  "smlad r9, r10, r12, r9\n\t"                                         \
  "smlad r8, r3, lr, r8\n\t"                                           \
  "smlad r9, r11, lr, r9\n\t"
/* `end` lies at the top of the stack. */
#define MULTIPLY_TILE(load_weights)                                  \
  __asm__("push {r2, r4-r11, lr}\n\t"                                \
          "ldr r4, [r3]\n\t"                                         \
          "ldr r5, [r3, #12]\n\t"                                    \
          "mov r6, r4\n\t"                                           \
          "mov r7, r5\n\t"                                           \
          "mov r8, r4\n\t"                                           \
          "mov r9, r5\n"                                             \
          "1:\n\t" load_weights PRODUCTS load_weights PRODUCTS       \
          "ldr r12, [sp]\n\t"                                        \
          "cmp r1, r12\n\t"                                          \
          "bne 1b\n\t"                                               \
          "stmia r12, {r4-r9}\n\t"                                   \
          "pop {r2, r4-r11, pc}\n\t")

#define UNUSED __attribute__((unused))
__attribute__((naked, noinline)) static void multiply_tile(UNUSED const Word *weights,
                                                           UNUSED const Word *window,
                                                           UNUSED Word *end,
                                                           UNUSED const PskdPlainChannel *scale) {
  MULTIPLY_TILE(INT8_WEIGHTS);
}
__attribute__((naked, noinline)) static void multiply_wide_tile(
    UNUSED const Word *weights, UNUSED const Word *window, UNUSED Word *end,
    UNUSED const PskdPlainChannel *scale) {
  MULTIPLY_TILE(INT16_WEIGHTS);
}
#else
static void multiply_any_tile(const Word *weights, const Word *window, Word *end,
                              const PskdPlainChannel *scale, int wide) {
  Tile *const sums = (Tile *)end;
  int row, channel;
  for (row = 0; row < TILE_ROWS; ++row) {
    for (channel = 0; channel < 2; ++channel) sums->of[row][channel] = scale[channel].bias;
  }
  for (; window != end; weights += wide ? 4 : 2) {
    for (row = 0; row < TILE_ROWS; ++row, window += 2) {
      for (channel = 0; channel < 2; ++channel) {
        int32_t *const sum = &sums->of[row][channel];
        const Word even = wide ? weights[2 * channel] : even_bytes(weights[channel]);
        const Word odd = wide ? weights[2 * channel + 1] : odd_bytes(weights[channel]);
        *sum = multiply_add(odd, window[1], multiply_add(even, window[0], *sum));
      }
    }
  }
}
static void multiply_tile(const Word *weights, const Word *window, Word *end,
                          const PskdPlainChannel *scale) {
  multiply_any_tile(weights, window, end, scale, 0);
}
static void multiply_wide_tile(const Word *weights, const Word *window, Word *end,
                               const PskdPlainChannel *scale) {
  multiply_any_tile(weights, window, end, scale, 1);
}
#endif

/* The channel's outputs in the tile's rows. */
PSKD_PLAIN_INLINE void finish_tile(const PskdPlainChannel *scale, int32_t zero_point,
                                   const Tile *sums, int channel, int32_t step, int8_t *output) {
  const int32_t multiplier = scale->multiplier, shift = scale->shift;
  const int32_t addend = pskd_plain_addend(zero_point, shift);
  output[0] = pskd_plain_requantise(sums->of[0][channel], multiplier, addend, shift);
  output[step] = pskd_plain_requantise(sums->of[1][channel], multiplier, addend, shift);
  output[2 * step] = pskd_plain_requantise(sums->of[2][channel], multiplier, addend, shift);
}

/* Three output rows. The windows are widened once for all output channels. */
PSKD_PLAIN_INLINE void dense_tile(const PskdPlainLayer *layer, const int8_t *input,
                                  int8_t *scratch, int8_t *output, int wide) {
  const Word *weights = layer->weights;
  const PskdPlainChannel *scale = layer->scales;
  const int32_t channels = layer->channels, zero_point = layer->zero_point;
  const int32_t pair_words = wide ? layer->depth : layer->depth / 2;
  Word *const end = widen(layer, input, (Word *)scratch, TILE_ROWS);
  const Tile *const sums = (const Tile *)end;
  int32_t channel;
  for (channel = 0; channel < channels; channel += 2) {
    if (wide) {
      multiply_wide_tile(weights, (const Word *)scratch, end, scale);
    } else {
      multiply_tile(weights, (const Word *)scratch, end, scale);
    }
    weights += pair_words;
    finish_tile(&scale[0], zero_point, sums, 0, channels, output++);
    if (channel + 1 == channels) return;
    finish_tile(&scale[1], zero_point, sums, 1, channels, output++);
    scale += 2;
  }
}

/* One output row. */
PSKD_PLAIN_INLINE void dense_row(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                                 int8_t *output, int wide) {
  const Word *weights = layer->weights;
  const PskdPlainChannel *scale = layer->scales;
  const int32_t channels = layer->channels, zero_point = layer->zero_point;
  const Word *const end = widen(layer, input, (Word *)scratch, 1);
  int32_t channel;
  for (channel = 0; channel < channels; channel += 2) {
    const Word *window = (const Word *)scratch;
    int32_t sum1 = scale[0].bias, sum2 = scale[1].bias;
    do {
      int half;
#pragma GCC unroll 2
      for (half = 0; half < 2; ++half) {
        sum1 = multiply_add(wide ? weights[0] : even_bytes(weights[0]), window[0], sum1);
        sum2 = multiply_add(wide ? weights[2] : even_bytes(weights[1]), window[0], sum2);
        sum1 = multiply_add(wide ? weights[1] : odd_bytes(weights[0]), window[1], sum1);
        sum2 = multiply_add(wide ? weights[3] : odd_bytes(weights[1]), window[1], sum2);
        weights += wide ? 4 : 2;
        window += 2;
      }
    } while (window != end);
    *output++ = pskd_plain_output(&scale[0], sum1, zero_point);
    if (channel + 1 == channels) return;
    *output++ = pskd_plain_output(&scale[1], sum2, zero_point);
    scale += 2;
  }
}

/* Apart from each other, so that a tile's frame on the stack is not that of a row, too. */
PSKD_PLAIN_NO_INLINE static void dense_int8_tile(const PskdPlainLayer *layer, const int8_t *input,
                                                 int8_t *scratch, int8_t *output) {
  dense_tile(layer, input, scratch, output, 0);
}
PSKD_PLAIN_NO_INLINE static void dense_int8_row(const PskdPlainLayer *layer, const int8_t *input,
                                                int8_t *scratch, int8_t *output) {
  dense_row(layer, input, scratch, output, 0);
}
PSKD_PLAIN_NO_INLINE static void dense_int16_tile(const PskdPlainLayer *layer, const int8_t *input,
                                                  int8_t *scratch, int8_t *output) {
  dense_tile(layer, input, scratch, output, 1);
}
PSKD_PLAIN_NO_INLINE static void dense_int16_row(const PskdPlainLayer *layer, const int8_t *input,
                                                 int8_t *scratch, int8_t *output) {
  dense_row(layer, input, scratch, output, 1);
}

void pskd_plain_dense(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                      int8_t *output) {
  int8_t *row = output;
  int32_t left = layer->positions;
  for (; left >= TILE_ROWS; left -= TILE_ROWS) {
    dense_int8_tile(layer, input, scratch, row);
    input += TILE_ROWS * layer->step;
    row += TILE_ROWS * layer->channels;
  }
  for (; left > 0; --left) {
    dense_int8_row(layer, input, scratch, row);
    input += layer->step;
    row += layer->channels;
  }
  pskd_plain_activate(layer, output);
}

void pskd_plain_dense_wide(const PskdPlainLayer *layer, const int8_t *input, int8_t *scratch,
                           int8_t *output) {
  int8_t *row = output;
  int32_t left = layer->positions;
  for (; left >= TILE_ROWS; left -= TILE_ROWS) {
    dense_int16_tile(layer, input, scratch, row);
    input += TILE_ROWS * layer->step;
    row += TILE_ROWS * layer->channels;
  }
  for (; left > 0; --left) {
    dense_int16_row(layer, input, scratch, row);
    input += layer->step;
    row += layer->channels;
  }
  pskd_plain_activate(layer, output);
}

/* Channels that are transposed together, and taps that one output row takes in. */
#define GROUP 4
#define TAPS 8

/* Four channels of so many rows, each channel's rows in a run of its own, as int16.
 * words: the first run; the next one starts `run` words later. An odd last row is followed by 0.
 */
static void transpose(const int8_t *input, int32_t row_bytes, int32_t rows, int32_t run,
                      Word *words) {
  for (; rows > 0; rows -= 2) {
    const Word first = load(input), second = rows > 1 ? load(input + row_bytes) : 0u;
    const Word low = low_halves(first, second), high = high_halves(first, second);
    words[0] = even_bytes(low);
    words[run] = odd_bytes(low);
    words[2 * run] = even_bytes(high);
    words[3 * run] = odd_bytes(high);
    input += 2 * row_bytes;
    ++words;
  }
}

/* Outputs of one channel, at every word of its run.
 * weights: (TAPS) int16.
 */
PSKD_PLAIN_NO_INLINE static void depthwise_run(const Word *weights, const PskdPlainChannel *scale,
                                     int32_t zero_point, const Word *window, int8_t *output,
                                     int32_t output_step, int32_t rows) {
  const Word weights1 = weights[0], weights2 = weights[1];
  const Word weights3 = weights[2], weights4 = weights[3];
  const int32_t bias = scale->bias, multiplier = scale->multiplier, shift = scale->shift;
  const int32_t addend = pskd_plain_addend(zero_point, shift);
  for (; rows > 0; --rows) {
    int32_t sum = multiply_add(weights1, window[0], bias);
    sum = multiply_add(weights2, window[1], sum);
    sum = multiply_add(weights3, window[2], sum);
    sum = multiply_add(weights4, window[3], sum);
    *output = pskd_plain_requantise(sum, multiplier, addend, shift);
    output += output_step;
    ++window;
  }
}

/* A group of channels with windows of at most seven rows, one or two rows apart. */
static void depthwise_group(const PskdPlainLayer *layer, const int8_t *input,
                            const int8_t *layer_weights, const PskdPlainChannel *scale,
                            Word *words, int8_t *output) {
  const int32_t channels = layer->channels, taps = layer->depth;
  /* Windows one row apart are run over twice: those that start with a word, then the others. */
  const int passes = layer->step == channels ? 2 : 1;
  const int32_t rows = (layer->positions - 1) * (3 - passes) + taps;
  const int32_t run = (rows + TAPS) / 2;
  Word *const weights = words + GROUP * run;
  int32_t channel, word;
  transpose(layer_weights, channels, taps, TAPS / 2, weights);
  for (word = (taps + 1) / 2; word < TAPS / 2; ++word) {
    for (channel = 0; channel < GROUP; ++channel) weights[channel * (TAPS / 2) + word] = 0u;
  }
  transpose(input, channels, rows, run, words);
  for (channel = 0; channel < GROUP; ++channel) {
    Word *const own = weights + channel * (TAPS / 2);
    int pass;
    for (pass = 0; pass < passes; ++pass) {
      depthwise_run(own, &scale[channel], layer->zero_point, words + channel * run,
                    output + channel + pass * channels, passes * channels,
                    (layer->positions - pass + passes - 1) / passes);
      /* The other windows start in the middle of a word: the weights move up by one instead. */
      own[3] = own[3] << 16 | own[2] >> 16;
      own[2] = own[2] << 16 | own[1] >> 16;
      own[1] = own[1] << 16 | own[0] >> 16;
      own[0] = own[0] << 16;
    }
  }
}

/* Any channel. */
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
  const int32_t channels = layer->channels;
  const int grouped =
      layer->depth < TAPS && (layer->step == channels || layer->step == 2 * channels);
  int32_t channel = 0;
  for (; grouped && channel + GROUP <= channels; channel += GROUP) {
    depthwise_group(layer, input + channel, (const int8_t *)layer->weights + channel, layer->scales + channel,
                    (Word *)scratch, output + channel);
  }
  for (; channel < channels; ++channel) {
    depthwise_channel(layer, input + channel, (const int8_t *)layer->weights + channel, layer->scales + channel,
                      output + channel);
  }
  pskd_plain_activate(layer, output);
}

#endif /* PSKD_PLAIN_DSP */
