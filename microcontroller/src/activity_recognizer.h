/* The whole way from a sample to what the device says, for either mode.
 *
 * signal_check, then window_buffer or segment_detector, accelerometer_features, the model, softmax
 * and activity_filter. C99, no heap, no static state.
 */
#ifndef PSKD_ACTIVITY_RECOGNIZER_H_
#define PSKD_ACTIVITY_RECOGNIZER_H_

#include <stdint.h>

#include "accelerometer_features.h"
#include "activity_filter.h"
#include "model_settings.h"
#include "segment_detector.h"
#include "signal_check.h"
#include "window_buffer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the model once: pskd_plain_invoke, or the application's call of another runtime. */
typedef void (*PskdInvoke)(const int8_t *input, int8_t *output);

typedef enum {
  PSKD_RECOGNIZER_WAITING = 0,
  PSKD_RECOGNIZER_DECIDED = 1, /* the model ran, or its input was not finite */
  PSKD_RECOGNIZER_LOST = 2,    /* no signal: a gap, a stuck axis, a clock that jumped */
  PSKD_RECOGNIZER_SKIPPED = 3  /* a decision was due, but there was no `invoke` */
} PskdRecognizerEvent;

/* The threshold rises with what is said and falls with time, so that a stretch of false decisions
 * is cut short. It is filter.enter at least and filter.enter + most at most. Source: ours.
 */
typedef struct {
  float rise;        /* by which each activity that is taken up raises the threshold, from 0 */
  float fall_per_us; /* by which it falls in a microsecond between two samples, from 0 */
  float most;        /* largest rise; 0 for a constant threshold */
} PskdAdaptationSettings;

typedef struct {
  PskdActivityFilterSettings filter; /* in clip mode segments are not smoothed with each other */
  PskdAdaptationSettings adaptation;
  int32_t maximum_same;              /* of signal_check */
#if PSKD_CLIP_MODE
  PskdSegmentSettings segment;
#else
  uint32_t maximum_gap_us;           /* of window_buffer */
#endif
} PskdRecognizerSettings;

/* A caller reads the first group of fields; the others are the recognizer's own. */
typedef struct {
  int32_t activity;                     /* a class, PSKD_UNKNOWN or PSKD_NO_SIGNAL */
  int8_t output[PSKD_NUM_CLASSES];      /* of the last decision; 0 if its input was not finite */
  float probabilities[PSKD_NUM_CLASSES];
  float confidence; /* of the last decision, 0..1: with a null class 1 minus its probability; else
                       the activity's probability, or the largest one if it is unknown. NaN if the
                       input was not finite */

  PskdRecognizerSettings settings;
  float raised;       /* how far the threshold is above filter.enter of the settings */
  uint32_t newest_us; /* stamp of the newest sample */
  PskdActivityFilter filter;
  PskdSignalCheck check;
#if PSKD_CLIP_MODE
  PskdSegmentDetector detector;
#else
  PskdWindowBuffer buffer;
  float window[PSKD_NUM_AXES * PSKD_WINDOW_SAMPLES];
#endif
  /* The model's input, and from PSKD_INPUT_LEAD on the resampled samples that it is made of. */
  PskdValue prepared[PSKD_INPUT_LEAD + PSKD_NUM_AXES * PSKD_STEPS];
} PskdActivityRecognizer;

/* Starts with no signal. */
void pskd_activity_recognizer_start(PskdActivityRecognizer *recognizer,
                                    const PskdRecognizerSettings *settings);

/* Takes a sample; at a decision it calls `invoke`.
 *
 * time_us: its stamp in microseconds; it may wrap around.
 * sample: x, y, z in g, and of six axes turn rates in degrees per second behind them. Whether an axis
 *   hangs is decided on the acceleration.
 * invoke: null for a caller that is behind: a decision that is due is then left out.
 *
 * A sensor that stops is seen at its next sample; call pskd_activity_recognizer_lose_signal from a
 * timer to see it at once.
 */
PskdRecognizerEvent pskd_activity_recognizer_add(PskdActivityRecognizer *recognizer,
                                                 uint32_t time_us, const float *sample,
                                                 PskdInvoke invoke);

/* The sensor stopped: says PSKD_NO_SIGNAL and forgets what came before. */
void pskd_activity_recognizer_lose_signal(PskdActivityRecognizer *recognizer);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACTIVITY_RECOGNIZER_H_ */
