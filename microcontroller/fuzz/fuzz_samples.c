/* Any samples through the recognizer in order of time, and any clip through the features alone. */
#include "fuzz_recognizer.h"

static PskdActivityRecognizer recognizer;
static float clip[PSKD_NUM_AXES * 2048];
static PskdValue workspace[PSKD_NUM_AXES * PSKD_STEPS];
static int8_t prepared[PSKD_INPUT_SIZE];

/* A clip of the input's first samples, of any number of them. */
static void prepare(FuzzInput input, int32_t length) {
  FuzzStretch stretch = {{0.0f}, 0.0f, 0};
  int32_t held = 0, index;
  PskdStatus status;
  int is_finite = 1;
  while (held < length && take_sample(&input, &stretch, clip + PSKD_NUM_AXES * held)) ++held;
  for (index = 0; index < PSKD_NUM_AXES * held; ++index) {
    is_finite = is_finite && isfinite(clip[index]);
  }
  status = pskd_prepare_clip(clip, held, workspace, prepared);
  expect((status == PSKD_TOO_FEW_SAMPLES) == (held < 2), "a clip has two samples");
  if (held < 2 || !is_finite) return;
#if PSKD_FIXED_FEATURES
  expect(status == PSKD_OK, "finite samples are a model's input");
#else
  expect(status == PSKD_OK || status == PSKD_NOT_FINITE, "a square may be too large, no more");
#endif
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  const PskdRecognizerSettings settings = working_settings();
  FuzzInput input = {bytes, size};
  FuzzStretch stretch = {{0.0f}, 0.0f, 0};
  uint32_t time_us = take_number(&input, 4);
  float sample[PSKD_NUM_AXES], held[3] = {NAN, NAN, NAN};
  int32_t same[3] = {0, 0, 0};
  ++fuzzed_inputs;
  prepare(input, (int32_t)take_number(&input, 2) % 2049);
  pskd_activity_recognizer_start(&recognizer, &settings);
  while (take_sample(&input, &stretch, sample)) {
    int axis, is_stuck = 0;
    PskdRecognizerEvent event;
    time_us += PERIOD_US;
    event = pskd_activity_recognizer_add(&recognizer, time_us, sample, stand_in_invoke);
    check_event(&recognizer, event);
    for (axis = 0; axis < 3; ++axis) {
      const int is_new = isfinite(sample[axis]) && !(sample[axis] == held[axis]);
      same[axis] = is_new ? 1 : same[axis] + 1;
      if (is_new) held[axis] = sample[axis];
      is_stuck = is_stuck || same[axis] >= MAXIMUM_SAME;
    }
    if (is_stuck) expect(event == PSKD_RECOGNIZER_LOST, "a stuck axis is a lost signal");
  }
  return 0;
}
