/* The self-test of a board, with the export's golden_vectors.h compiled in: raw samples to int8
 * input to int8 output. Exit status: 0 if nothing differs, else 1.
 */
#include "accelerometer_features.h"
#include "golden_vectors.h"
#include "plain_model.h"
#include "print_report.h"

#if PSKD_PLAIN_INPUT_SIZE != PSKD_INPUT_SIZE || PSKD_PLAIN_OUTPUT_SIZE != PSKD_NUM_CLASSES
#error "plain_model.h and golden_vectors.h are of different models"
#endif

static PskdValue workspace[PSKD_NUM_AXES * PSKD_STEPS];
static int8_t input[PSKD_INPUT_SIZE], output[PSKD_NUM_CLASSES];

static uint32_t count_differences(const int8_t *first, const int8_t *second, uint32_t size) {
  uint32_t count = 0, index;
  for (index = 0; index < size; ++index) count += first[index] != second[index];
  return count;
}

int main(void) {
  uint32_t input_differences = 0, output_differences = 0, number;
  for (number = 0; number < PSKD_NUM_GOLDEN_VECTORS; ++number) {
    const PskdGoldenVector *golden = &pskd_golden_vectors[number];
    const PskdStatus status =
        pskd_prepare_clip(golden->samples, golden->length, workspace, input);
    input_differences += status == PSKD_OK
                             ? count_differences(input, golden->input, sizeof(input))
                             : PSKD_INPUT_SIZE;
    pskd_plain_invoke(input, output);
    output_differences += count_differences(output, golden->output, sizeof(output));
  }
  print_number("golden_vectors", PSKD_NUM_GOLDEN_VECTORS);
  print_number("differing_input_bytes", input_differences);
  print_number("differing_output_bytes", output_differences);
  return input_differences != 0u || output_differences != 0u;
}
