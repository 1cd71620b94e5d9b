#include "activity_recognizer.h"

#include <math.h>
#include <string.h>

/* exp(x), x at most 0: Taylor's series about the nearest multiple of ln 2. Not expf, whose last bit
 * differs from library to library: decisions are to be the same on every machine.
 */
static float exponential(float x) {
  int32_t power;
  uint32_t bits;
  float rest, sum, scale;
  if (x < -87.0f) return 0.0f;
  power = (int32_t)(x * 1.44269504f - 0.5f);
  /* ln 2 in two parts, of which the first one times the power is exact. */
  rest = (x - (float)power * 0.693359375f) + (float)power * 2.12194440e-4f;
  sum = 1.0f / 720.0f + rest * (1.0f / 5040.0f);
  sum = 1.0f / 120.0f + rest * sum;
  sum = 1.0f / 24.0f + rest * sum;
  sum = 1.0f / 6.0f + rest * sum;
  sum = 0.5f + rest * sum;
  sum = 1.0f + rest * sum;
  sum = 1.0f + rest * sum;
  bits = (uint32_t)(power + 127) << 23;
  memcpy(&scale, &bits, sizeof(scale));
  return scale * sum;
}

/* Softmax of the dequantised logits; the largest becomes exp(0): nothing overflows. */
static void softmax(const int8_t *output, float *probabilities) {
  const int32_t largest = output[pskd_argmax(output)];
  float total = 0.0f;
  int32_t index;
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) {
    probabilities[index] = exponential(PSKD_OUTPUT_SCALE * (float)(output[index] - largest));
    total += probabilities[index];
  }
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) probabilities[index] /= total;
}

static float confidence_of(const PskdActivityRecognizer *recognizer) {
#if PSKD_NULL_CLASS >= 0
  return 1.0f - recognizer->probabilities[PSKD_NULL_CLASS];
#else
  const int32_t activity = recognizer->activity;
  return recognizer->probabilities[activity >= 0 ? activity : pskd_argmax(recognizer->output)];
#endif
}

static void start_cutting(PskdActivityRecognizer *recognizer) {
#if PSKD_CLIP_MODE
  pskd_segment_detector_start(&recognizer->detector, &recognizer->settings.segment);
#else
  pskd_window_buffer_start(&recognizer->buffer, recognizer->settings.maximum_gap_us);
#endif
}

/* Lets the threshold fall by the time since the sample before. A clock that went back looks like one
 * that went far ahead.
 */
static void lower_threshold(PskdActivityRecognizer *recognizer, uint32_t time_us) {
  const float elapsed_us = (float)(time_us - recognizer->newest_us);
  recognizer->newest_us = time_us;
  if (!(recognizer->raised > 0.0f)) return;
  recognizer->raised -= recognizer->settings.adaptation.fall_per_us * elapsed_us;
  if (recognizer->raised < 0.0f) recognizer->raised = 0.0f;
}

static void raise_threshold(PskdActivityRecognizer *recognizer) {
  const PskdAdaptationSettings *adaptation = &recognizer->settings.adaptation;
  recognizer->raised += adaptation->rise;
  if (recognizer->raised > adaptation->most) recognizer->raised = adaptation->most;
}

static PskdRecognizerEvent decide(PskdActivityRecognizer *recognizer, const float *samples,
                                  int32_t length, PskdInvoke invoke) {
  int8_t *const input = (int8_t *)recognizer->prepared;
  int32_t before, index;
  if (invoke == NULL) return PSKD_RECOGNIZER_SKIPPED;
#if PSKD_CLIP_MODE
  /* A gesture says nothing of the next one. */
  (void)pskd_activity_filter_lose_signal(&recognizer->filter);
#endif
  if (pskd_prepare_clip(samples, length, recognizer->prepared + PSKD_INPUT_LEAD, input) ==
      PSKD_OK) {
    invoke(input, recognizer->output);
    softmax(recognizer->output, recognizer->probabilities);
  } else {
    memset(recognizer->output, 0, sizeof(recognizer->output));
    /* The filter's sign for what is no probability: "unknown". */
    for (index = 0; index < PSKD_NUM_CLASSES; ++index) recognizer->probabilities[index] = NAN;
  }
  before = recognizer->filter.activity;
  recognizer->filter.settings.enter = recognizer->settings.filter.enter + recognizer->raised;
  recognizer->activity =
      pskd_activity_filter_add(&recognizer->filter, recognizer->probabilities);
  if (recognizer->activity >= 0 && recognizer->activity != before) raise_threshold(recognizer);
  recognizer->confidence = confidence_of(recognizer);
  return PSKD_RECOGNIZER_DECIDED;
}

void pskd_activity_recognizer_start(PskdActivityRecognizer *recognizer,
                                    const PskdRecognizerSettings *settings) {
  memset(recognizer, 0, sizeof(*recognizer));
  recognizer->settings = *settings;
  recognizer->activity = PSKD_NO_SIGNAL;
  pskd_activity_filter_start(&recognizer->filter, &settings->filter);
  pskd_signal_check_start(&recognizer->check, settings->maximum_same);
  start_cutting(recognizer);
}

void pskd_activity_recognizer_lose_signal(PskdActivityRecognizer *recognizer) {
  recognizer->activity = pskd_activity_filter_lose_signal(&recognizer->filter);
  start_cutting(recognizer);
}

PskdRecognizerEvent pskd_activity_recognizer_add(PskdActivityRecognizer *recognizer,
                                                 uint32_t time_us, const float *sample,
                                                 PskdInvoke invoke) {
  lower_threshold(recognizer, time_us);
  if (!pskd_signal_check_add(&recognizer->check, sample)) {
    pskd_activity_recognizer_lose_signal(recognizer);
    return PSKD_RECOGNIZER_LOST;
  }
#if PSKD_CLIP_MODE
  switch (pskd_segment_detector_add(&recognizer->detector, time_us, sample)) {
    case PSKD_SEGMENT_READY:
      return decide(recognizer, recognizer->detector.samples, recognizer->detector.length,
                    invoke);
    case PSKD_SEGMENT_RESTARTED:
      recognizer->activity = pskd_activity_filter_lose_signal(&recognizer->filter);
      return PSKD_RECOGNIZER_LOST;
    default:
      return PSKD_RECOGNIZER_WAITING;
  }
#else
  switch (pskd_window_buffer_add(&recognizer->buffer, time_us, sample, recognizer->window)) {
    case PSKD_WINDOW_READY:
      return decide(recognizer, recognizer->window, PSKD_WINDOW_SAMPLES, invoke);
    case PSKD_WINDOW_RESTARTED:
      recognizer->activity = pskd_activity_filter_lose_signal(&recognizer->filter);
      return PSKD_RECOGNIZER_LOST;
    default:
      return PSKD_RECOGNIZER_WAITING;
  }
#endif
}
