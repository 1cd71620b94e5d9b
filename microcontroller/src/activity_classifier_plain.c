#include "activity_classifier.h"
#include "model_identity.h"
#include "plain_model.h"
#ifdef PSKD_PLAIN_SLOT
#include "model_slot.h"
#endif

#if PSKD_PLAIN_INPUT_SIZE != PSKD_INPUT_SIZE || PSKD_PLAIN_OUTPUT_SIZE != PSKD_NUM_CLASSES || \
    PSKD_PLAIN_MODEL_ID != PSKD_MODEL_ID
#error "plain_model.h and model_settings.h are of different models"
#endif

static PskdClassifierStatus status = PSKD_CLASSIFIER_NOT_STARTED;

#ifdef PSKD_PLAIN_SLOT
static const void *slot;
static uint32_t slot_capacity;

void pskd_classifier_use_slot(const void *address, uint32_t capacity) {
  slot = address;
  slot_capacity = capacity;
  status = PSKD_CLASSIFIER_NOT_STARTED;
}
#endif

PskdClassifierStatus pskd_classifier_start(void) {
  const int is_whole = pskd_settings_are_of(pskd_plain_model_id);
  status = is_whole ? PSKD_CLASSIFIER_OK : PSKD_CLASSIFIER_SETTINGS;
#ifdef PSKD_PLAIN_SLOT
  if (is_whole) {
    status = pskd_check_slot(slot, slot_capacity, PSKD_PLAIN_GRAPH_ID, PSKD_PLAIN_TABLES_BYTES);
  }
  if (status == PSKD_CLASSIFIER_OK) {
    pskd_plain_use_tables((const uint8_t *)slot + sizeof(PskdSlotHeader));
  }
#endif
  return status;
}

void pskd_classifier_invoke(const int8_t *input, int8_t *output) {
  if (status == PSKD_CLASSIFIER_OK) {
    pskd_plain_invoke(input, output);
  } else {
    pskd_unknown_output(output);
  }
}

PskdClassifierStatus pskd_classifier_status(void) { return status; }

const char *pskd_classifier_word(void) {
  if (status == PSKD_CLASSIFIER_OK) return "model_started";
#ifdef PSKD_PLAIN_SLOT
  return pskd_slot_word(status);
#else
  return "model_failed";
#endif
}

uint32_t pskd_classifier_arena_bytes(void) { return 0; }

const char *pskd_classifier_runtime(void) { return "plain_c"; }
