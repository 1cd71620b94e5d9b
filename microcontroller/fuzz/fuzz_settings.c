/* Any settings of the recognizer, every field of any bits, and then samples. */
#include "fuzz_recognizer.h"

static PskdActivityRecognizer recognizer;

static PskdRecognizerSettings take_settings(FuzzInput *input) {
  PskdRecognizerSettings settings = working_settings();
  /* A bit for each field: those that are clear keep what works. */
  const uint32_t drawn = take_number(input, 3);
  if (drawn & 0x0001u) settings.filter.smoothing = take_float(input);
  if (drawn & 0x0002u) settings.filter.enter = take_float(input);
  if (drawn & 0x0004u) settings.filter.leave = take_float(input);
  if (drawn & 0x0008u) settings.filter.class_floor = take_float(input);
  if (drawn & 0x0010u) settings.filter.minimum_windows = take_integer(input);
  if (drawn & 0x0020u) settings.maximum_same = take_integer(input);
#if PSKD_CLIP_MODE
  if (drawn & 0x0040u) settings.segment.gravity_weight = take_float(input);
  if (drawn & 0x0080u) settings.segment.energy_weight = take_float(input);
  if (drawn & 0x0100u) settings.segment.start_g = take_float(input);
  if (drawn & 0x0200u) settings.segment.end_g = take_float(input);
  if (drawn & 0x0400u) settings.segment.noise_rise = take_float(input);
  if (drawn & 0x0800u) settings.segment.start_noise = take_float(input);
  if (drawn & 0x1000u) settings.segment.end_noise = take_float(input);
  if (drawn & 0x2000u) settings.segment.lead_samples = take_integer(input);
  if (drawn & 0x4000u) settings.segment.rest_samples = take_integer(input);
  if (drawn & 0x8000u) settings.segment.maximum_gap_us = take_number(input, 4);
#else
  if (drawn & 0x8000u) settings.maximum_gap_us = take_number(input, 4);
#endif
  if (drawn & 0x10000u) settings.adaptation.rise = take_float(input);
  if (drawn & 0x20000u) settings.adaptation.fall_per_us = take_float(input);
  if (drawn & 0x40000u) settings.adaptation.most = take_float(input);
  return settings;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  FuzzInput input = {bytes, size};
  FuzzStretch stretch = {{0.0f}, 0.0f, 0};
  const PskdRecognizerSettings settings = take_settings(&input);
  const uint32_t period_us = PERIOD_US + take_number(&input, 1);
  uint32_t time_us = 0u;
  float sample[PSKD_NUM_AXES];
  ++fuzzed_inputs;
  pskd_activity_recognizer_start(&recognizer, &settings);
  while (take_sample(&input, &stretch, sample)) {
    time_us += period_us;
    check_event(&recognizer, pskd_activity_recognizer_add(&recognizer, time_us, sample,
                                                          stand_in_invoke));
  }
  return 0;
}
