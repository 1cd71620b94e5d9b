/* The recognizer as targets use it: settings that work, a stand-in for the model, rules of each event. */
#ifndef PSKD_FUZZ_RECOGNIZER_H_
#define PSKD_FUZZ_RECOGNIZER_H_

#include "activity_recognizer.h"
#include "fuzz_input.h"

#define PERIOD_US 20000u
#define MAXIMUM_SAME 30

/* Outputs from all bytes of the input, quick enough for millions of samples: what the model itself
 * computes, `make firmware-host` checks. */
static inline void stand_in_invoke(const int8_t *input, int8_t *output) {
  uint32_t hash = 2166136261u;
  int32_t index;
  for (index = 0; index < PSKD_INPUT_SIZE; ++index) hash = (hash ^ (uint8_t)input[index]) * 16777619u;
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) {
    hash = hash * 1664525u + 1013904223u;
    output[index] = (int8_t)((int32_t)(hash >> 24) - 128);
  }
}

static inline PskdRecognizerSettings working_settings(void) {
  PskdRecognizerSettings settings;
  memset(&settings, 0, sizeof(settings));
  settings.filter.smoothing = 0.5f;
  settings.filter.enter = 0.15f;
  settings.filter.leave = 0.1f;
  settings.filter.minimum_windows = 1;
  settings.adaptation.rise = 0.05f;
  settings.adaptation.fall_per_us = 1e-8f;
  settings.adaptation.most = 0.2f;
  settings.maximum_same = MAXIMUM_SAME;
#if PSKD_CLIP_MODE
  settings.segment.gravity_weight = 0.1f;
  settings.segment.energy_weight = 0.2f;
  settings.segment.start_g = 0.25f;
  settings.segment.end_g = 0.12f;
  settings.segment.noise_rise = 0.01f;
  settings.segment.start_noise = 8.0f;
  settings.segment.end_noise = 4.0f;
  settings.segment.lead_samples = 5;
  settings.segment.rest_samples = 20;
  settings.segment.maximum_gap_us = 10u * PERIOD_US;
#else
  settings.maximum_gap_us = 10u * PERIOD_US;
#endif
  return settings;
}

/* What holds after a sample, whatever the samples, the stamps and the settings were. */
static inline void check_event(const PskdActivityRecognizer *recognizer, PskdRecognizerEvent event) {
  ++fuzzed_samples;
  expect(recognizer->activity >= PSKD_NO_SIGNAL && recognizer->activity < PSKD_NUM_ACTIVITIES,
         "what is said is an activity, unknown or no signal");
  if (event == PSKD_RECOGNIZER_LOST) {
    expect(recognizer->activity == PSKD_NO_SIGNAL, "a lost signal is said");
  }
  if (event == PSKD_RECOGNIZER_DECIDED) {
    float total = 0.0f;
    int32_t index;
    ++fuzzed_accepted;
    for (index = 0; index < PSKD_NUM_CLASSES; ++index) total += recognizer->probabilities[index];
    expect(recognizer->activity != PSKD_NO_SIGNAL, "a decision is no lost signal");
    if (isfinite(total)) {
      expect(total > 0.999f && total < 1.001f, "probabilities add up to 1");
      expect(recognizer->confidence > -1e-3f && recognizer->confidence < 1.001f,
             "a confidence is from 0 to 1");
    } else {
      expect(recognizer->activity == PSKD_UNKNOWN && isnan(recognizer->confidence),
             "an input that is not finite is unknown");
    }
  }
#if PSKD_CLIP_MODE
  expect(recognizer->detector.count >= 0 && recognizer->detector.count <= PSKD_MAXIMUM_SAMPLES,
         "a movement fits the detector");
  if (event == PSKD_RECOGNIZER_DECIDED) {
    expect(recognizer->detector.length >= PSKD_MINIMUM_SAMPLES &&
               recognizer->detector.length <= PSKD_MAXIMUM_SAMPLES,
           "a movement is as long as the model's");
  }
#endif
}

#endif /* PSKD_FUZZ_RECOGNIZER_H_ */
