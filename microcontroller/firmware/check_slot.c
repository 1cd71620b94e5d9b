/* A model slot on the host or an emulated board: refuses damaged ones, then runs the export's golden
 * vectors from the good one. The file is model_slot.bin. Exit status: 0 if the good slot alone was
 * taken and no byte differs, 1 if not, 2 if there is no such file.
 */
#include "activity_classifier.h"
#include "golden_vectors.h"
#include "model_slot.h"
#include "plain_model.h"
#include "platform.h"
#include "print_report.h"

#define SLOT_BYTES (sizeof(PskdSlotHeader) + PSKD_PLAIN_TABLES_BYTES)
/* Every bit of the header, and one of so many bytes behind it. */
#define BYTES_APART 97u

static uint32_t partition[SLOT_BYTES / 4u + 1u];
static int8_t output[PSKD_NUM_CLASSES];

static PskdClassifierStatus start(const uint8_t *slot) {
  pskd_classifier_use_slot(slot, (uint32_t)SLOT_BYTES);
  return pskd_classifier_start();
}

int main(int argc, char **argv) {
  uint8_t *const slot = (uint8_t *)partition;
  uint32_t damaged = 0, refused = 0, differing = 0, at, number;
  PskdClassifierStatus status;
  if (!platform_open(argc, argv) || !platform_read(slot, (uint32_t)SLOT_BYTES)) {
    platform_print("error: the file must be a slot of this model\n");
    return 2;
  }
  for (at = 0; at < SLOT_BYTES; at += at < sizeof(PskdSlotHeader) ? 1u : BYTES_APART) {
    for (number = 0; number < 8u; ++number) {
      slot[at] ^= (uint8_t)(1u << number);
      ++damaged;
      refused += start(slot) != PSKD_CLASSIFIER_OK;
      slot[at] ^= (uint8_t)(1u << number);
      if (at >= sizeof(PskdSlotHeader)) break;
    }
  }
  ++damaged;
  refused += start(slot + 1) == PSKD_CLASSIFIER_SLOT_ALIGNMENT;
  status = start(slot);
  for (number = 0; number < PSKD_NUM_GOLDEN_VECTORS; ++number) {
    const PskdGoldenVector *golden = &pskd_golden_vectors[number];
    pskd_classifier_invoke(golden->input, output);
    for (at = 0; at < sizeof(output); ++at) differing += output[at] != golden->output[at];
  }
  print_number("damaged_slots", damaged);
  print_number("refused_slots", refused);
  print_number("good_slot_status", (uint32_t)status);
  print_number("golden_vectors", PSKD_NUM_GOLDEN_VECTORS);
  print_number("differing_output_bytes", differing);
  return refused != damaged || status != PSKD_CLASSIFIER_OK || differing != 0u;
}
