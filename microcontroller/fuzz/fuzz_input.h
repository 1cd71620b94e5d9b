/* libFuzzer's bytes as numbers, and what each target counts and says. */
#ifndef PSKD_FUZZ_INPUT_H_
#define PSKD_FUZZ_INPUT_H_

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensor_axes.h"

/* Called by libFuzzer. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Of all inputs so far: samples that a recognizer took, its decisions, or slots that were taken. */
static unsigned long fuzzed_inputs, fuzzed_samples, fuzzed_accepted;

static void report(void) {
  printf("inputs %lu\nsamples %lu\naccepted %lu\n", fuzzed_inputs, fuzzed_samples,
         fuzzed_accepted);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
  (void)argc;
  (void)argv;
  return atexit(report);
}

/* A broken rule is a finding, as those of the sanitizers are. */
static inline void expect(int holds, const char *rule) {
  if (holds) return;
  fprintf(stderr, "broken: %s\n", rule);
  abort();
}

typedef struct {
  const uint8_t *bytes;
  size_t left;
} FuzzInput;

/* The next bytes as a number, least byte first; 0 for what is behind the end. count: at most 4. */
static inline uint32_t take_number(FuzzInput *input, int count) {
  uint32_t number = 0u;
  int index;
  for (index = 0; index < count && input->left > 0u; ++index) {
    number |= (uint32_t)*input->bytes++ << (8 * index);
    --input->left;
  }
  return number;
}

static inline int32_t take_integer(FuzzInput *input) {
  const uint32_t bits = take_number(input, 4);
  int32_t value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

/* Any bits: NaN, infinity and denormal numbers are among them. */
static inline float take_float(FuzzInput *input) {
  const uint32_t bits = take_number(input, 4);
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}

/* Stretches of samples, so that a short input holds a whole movement. */
typedef struct {
  float values[PSKD_NUM_AXES];
  float wobble; /* up and down around the values, in g and deg/s */
  int left;     /* samples of the stretch that are still to come */
} FuzzStretch;

static inline void take_values(FuzzInput *input, float *values) {
  static const float special[8] = {NAN, INFINITY, -INFINITY, 3.4e38f, -1.9e19f, 1e-42f, 16.0f, -0.0f};
  const uint32_t kind = take_number(input, 1);
  int axis;
  for (axis = 0; axis < PSKD_NUM_AXES; ++axis) {
    switch (kind & 3u) {
      case 0u: values[axis] = take_float(input); break;
      case 1u: values[axis] = special[kind >> (axis + 2) & 7u]; break;
      default: values[axis] = (float)((int32_t)take_number(input, 2) - 32768) / 2048.0f; break;
    }
  }
}

/* The next sample. Returns 0 if the input has ended. */
static inline int take_sample(FuzzInput *input, FuzzStretch *stretch, float *sample) {
  int axis;
  if (stretch->left == 0) {
    if (input->left == 0u) return 0;
    stretch->left = 1 + (int)(take_number(input, 1) & 127u);
    stretch->wobble = (float)take_number(input, 1) / 64.0f;
    take_values(input, stretch->values);
  }
  --stretch->left;
  for (axis = 0; axis < PSKD_NUM_AXES; ++axis) {
    const float change = stretch->wobble * (float)(axis + 1) + (float)stretch->left / 4096.0f;
    sample[axis] = stretch->values[axis] + (stretch->left % 2 == 0 ? change : -change);
  }
  return 1;
}

#endif /* PSKD_FUZZ_INPUT_H_ */
