#include "activity_classifier.h"
#include "plain_model.h"

#if PSKD_PLAIN_INPUT_SIZE != PSKD_INPUT_SIZE || PSKD_PLAIN_OUTPUT_SIZE != PSKD_NUM_CLASSES
#error "plain_model.h and model_settings.h are of different models"
#endif

/* The generated model cannot fail, and has nothing to set up. */
PskdClassifierStatus pskd_classifier_start(void) { return PSKD_CLASSIFIER_OK; }

void pskd_classifier_invoke(const int8_t *input, int8_t *output) {
  pskd_plain_invoke(input, output);
}

PskdClassifierStatus pskd_classifier_status(void) { return PSKD_CLASSIFIER_OK; }

uint32_t pskd_classifier_arena_bytes(void) { return 0; }

const char *pskd_classifier_runtime(void) { return "plain_c"; }
