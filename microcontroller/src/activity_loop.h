/* The application: reads the accelerometer at the model's rate, recognizes, responds.
 *
 * C99, no heap, no static state. Call pskd_activity_loop_step as often as you can, or once each
 * PSKD_POLL_US at least.
 */
#ifndef PSKD_ACTIVITY_LOOP_H_
#define PSKD_ACTIVITY_LOOP_H_

#include <stdint.h>

#include "accelerometer_provider.h"
#include "activity_recognizer.h"
#include "activity_responder.h"

#ifdef __cplusplus
extern "C" {
#endif

#if PSKD_CLIP_MODE
#define PSKD_SAMPLE_RATE_HZ PSKD_CLIP_RATE_HZ
#else
#define PSKD_SAMPLE_RATE_HZ PSKD_WINDOW_RATE_HZ
#endif

/* How long a caller may sleep between two steps: a tenth of a sample's time. */
#define PSKD_POLL_US ((uint32_t)(100000.0f / PSKD_SAMPLE_RATE_HZ))

typedef struct {
  PskdRecognizerSettings recognizer;
  uint32_t silence_us;  /* without a sample for so long, the signal is lost */
  int sends_samples;    /* whether each sample is sent, too */
} PskdLoopSettings;

/* Its fields are the loop's own. */
typedef struct {
  PskdLoopSettings settings;
  PskdActivityRecognizer recognizer;
  PskdActivityResponder responder;
  const PskdAccelerometer *accelerometer;
  uint32_t due_us;     /* when the next sample is to be read */
  uint32_t newest_us;  /* when the last one was, or the loop started */
  uint32_t retry_us;   /* when the sensor was last set up */
  int32_t until_header; /* samples */
  int32_t said;
  int sensor_works;
  int is_silent;
} PskdActivityLoop;

/* Sets up sensor and model and says how that went; samples are sent even if there is no model.
 *
 * project: as in PskdActivityResponder; write and accelerometer outlive the loop.
 */
void pskd_activity_loop_start(PskdActivityLoop *loop, const PskdLoopSettings *settings,
                              const PskdAccelerometer *accelerometer, PskdWrite write,
                              const char *project);

/* Reads a sample if one is due. Returns what came of it. */
PskdRecognizerEvent pskd_activity_loop_step(PskdActivityLoop *loop);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACTIVITY_LOOP_H_ */
