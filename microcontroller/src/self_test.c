#include "self_test.h"

#if defined(PSKD_SELF_TEST) && PSKD_SELF_TEST

#include <string.h>

#include "accelerometer_features.h"
#include "activity_classifier.h"
#include "golden_vectors.h"

#if PSKD_GOLDEN_MODEL_ID != PSKD_MODEL_ID
#error "golden_vectors.h and model_settings.h are of different models"
#endif

int32_t pskd_self_test_clips(void) { return PSKD_NUM_GOLDEN_VECTORS; }

int32_t pskd_self_test(void) {
  static PskdValue workspace[PSKD_NUM_AXES * PSKD_STEPS];
  static int8_t input[PSKD_INPUT_SIZE], output[PSKD_NUM_CLASSES];
  int32_t differing = 0, index;
  for (index = 0; index < PSKD_NUM_GOLDEN_VECTORS; ++index) {
    const PskdGoldenVector *golden = &pskd_golden_vectors[index];
    int good = pskd_prepare_clip(golden->samples, golden->length, workspace, input) == PSKD_OK;
    pskd_classifier_invoke(input, output);
    good = good && memcmp(input, golden->input, sizeof(input)) == 0;
    good = good && memcmp(output, golden->output, sizeof(output)) == 0;
    differing += !good;
  }
  return differing;
}

#else

int32_t pskd_self_test_clips(void) { return 0; }

int32_t pskd_self_test(void) { return 0; }

#endif
