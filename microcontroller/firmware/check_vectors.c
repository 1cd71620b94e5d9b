/* Reads vectors, runs the features and the plain model on each, and counts differing bytes.
 *
 * One program for the host, the sanitizers and the emulated boards. The file is written by
 * pskd_tf/export/plain_c/vectors.py. Exit status: 0 if nothing differs, 1 if something does,
 * 2 if the file does not fit the model.
 */
#include <string.h>

#include "accelerometer_features.h"
#include "platform.h"
#include "plain_model.h"
#include "print_report.h"

/* Samples of a clip; a small board has room for fewer. */
#ifndef MAXIMUM_LENGTH
#define MAXIMUM_LENGTH 2048
#endif

#if PSKD_PLAIN_INPUT_SIZE != PSKD_INPUT_SIZE || PSKD_PLAIN_OUTPUT_SIZE != PSKD_NUM_CLASSES
#error "plain_model.h and model_settings.h are of different models"
#endif

static float samples[PSKD_NUM_AXES * MAXIMUM_LENGTH];
static PskdValue workspace[PSKD_NUM_AXES * PSKD_STEPS];
static int8_t prepared[PSKD_INPUT_SIZE], expected_input[PSKD_INPUT_SIZE];
static int8_t output[PSKD_NUM_CLASSES], expected_output[PSKD_NUM_CLASSES];

static uint32_t count_differences(const int8_t *first, const int8_t *second, uint32_t size) {
  uint32_t count = 0, index;
  for (index = 0; index < size; ++index) count += first[index] != second[index];
  return count;
}

static uint32_t larger(uint32_t first, uint32_t second) {
  return first > second ? first : second;
}

int main(int argc, char **argv) {
  char magic[4];
  int32_t sizes[3], length, number;
  uint32_t clips = 0, start, input_differences = 0, output_differences = 0;
  uint32_t model_stack = 0, features_stack = 0;
  uint64_t model_ticks = 0, features_ticks = 0;
  if (!platform_open(argc, argv) || !platform_read(magic, sizeof(magic)) ||
      memcmp(magic, "PSKV", sizeof(magic)) != 0 || !platform_read_words(sizes, 3u) ||
      sizes[0] < 1 || sizes[1] != PSKD_INPUT_SIZE || sizes[2] != PSKD_NUM_CLASSES) {
    platform_print("error: the vectors must be of this model\n");
    return 2;
  }
  for (number = 0; number < sizes[0]; ++number) {
    if (!platform_read_words(&length, 1u) || length < 0 || length > MAXIMUM_LENGTH ||
        !platform_read_words(samples, PSKD_NUM_AXES * (uint32_t)length) ||
        !platform_read(expected_input, sizeof(expected_input)) ||
        !platform_read(expected_output, sizeof(expected_output))) {
      platform_print("error: a vector is cut short or its clip too long\n");
      return 2;
    }
    memcpy(prepared, expected_input, sizeof(prepared));
    if (length > 0) {
      PskdStatus status;
      ++clips;
      memset(prepared, 0, sizeof(prepared));
      platform_mark_stack();
      start = platform_ticks();
      status = pskd_prepare_clip(samples, length, workspace, prepared);
      features_ticks += (platform_ticks() - start) & platform_ticks_mask;
      features_stack = larger(features_stack, platform_used_stack());
      input_differences +=
          status == PSKD_OK ? count_differences(prepared, expected_input, sizeof(prepared))
                            : PSKD_INPUT_SIZE;
    }
    platform_mark_stack();
    start = platform_ticks();
    pskd_plain_invoke(prepared, output);
    model_ticks += (platform_ticks() - start) & platform_ticks_mask;
    model_stack = larger(model_stack, platform_used_stack());
    output_differences += count_differences(output, expected_output, sizeof(output));
  }
  print_number("vectors", (uint32_t)sizes[0]);
  print_number("clips", clips);
  print_number("differing_input_bytes", input_differences);
  print_number("differing_output_bytes", output_differences);
  print_number("macs", PSKD_PLAIN_MACS);
  print_number("model_buffer_bytes", PSKD_PLAIN_BUFFER_BYTES);
  if (platform_instructions_per_four_ticks != 0u) {
    print_number("model_instructions", instructions_per_call(model_ticks, (uint32_t)sizes[0]));
    print_number("features_instructions", instructions_per_call(features_ticks, clips));
    print_number("model_stack_bytes", model_stack);
    print_number("features_stack_bytes", features_stack);
  }
  return input_differences != 0u || output_differences != 0u;
}
