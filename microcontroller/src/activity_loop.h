/* The application: samples at the model's rate, recognizes, responds.
 *
 * Sampling stands apart from inference: a queue of stamped samples is between them.
 * pskd_activity_loop_sample fills it, from an interrupt, a timer or a thread where the board has
 * one; pskd_activity_loop_step empties it and may run behind, as far as the queue is deep.
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

/* A tenth of a sample's time. */
#define PSKD_POLL_US ((uint32_t)(100000.0f / PSKD_SAMPLE_RATE_HZ))

/* From one sample to the next: how often a timer calls pskd_activity_loop_sample. */
#define PSKD_SAMPLE_US ((uint32_t)(1000000.0f / PSKD_SAMPLE_RATE_HZ + 0.5f))

/* A window that is due while so many samples wait is left out: the loop is behind and catches up.
 * Movements are not left out.
 */
#define PSKD_BEHIND_SAMPLES (PSKD_QUEUE_SAMPLES / 4)

typedef struct {
  PskdRecognizerSettings recognizer;
  uint32_t silence_us;  /* without a sample for so long, the signal is lost */
  int sends_samples;    /* whether each sample is sent, too */
} PskdLoopSettings;

/* Its fields are the loop's own; `queue.deepest` tells how far it was behind at most. */
typedef struct {
  PskdLoopSettings settings;
  PskdSampleQueue queue;
  PskdActivityRecognizer recognizer;
  PskdActivityResponder responder;
  const PskdAccelerometer *accelerometer;
  uint32_t due_us;    /* when the loop is to read the sensor next, unless it is read apart */
  uint32_t newest_us; /* the newest sample's stamp, or when the loop started */
  uint32_t retry_us;  /* when the sensor was last set up */
  uint32_t lost;      /* as said last */
  int32_t skipped;    /* windows */
  int32_t until_header; /* samples */
  int32_t said;
  volatile int is_sampling; /* set after the sensor was set up, cleared when it fails */
  int sensor_works;         /* as said last */
  int is_silent;
} PskdActivityLoop;

/* Sets up sensor and model and says how that went; samples are sent even if there is no model.
 *
 * project: as in PskdActivityResponder; write and accelerometer outlive the loop.
 */
void pskd_activity_loop_start(PskdActivityLoop *loop, const PskdLoopSettings *settings,
                              const PskdAccelerometer *accelerometer, PskdWrite write,
                              const char *project);

/* Fills the queue from the sensor; for an accelerometer that `collects_apart`, from one context and
 * once each PSKD_SAMPLE_US. Does nothing before the loop was started, if the loop is zero until
 * then, or while the sensor is set up. Returns what the accelerometer's `collect` does.
 */
PskdAccelerometerStatus pskd_activity_loop_sample(PskdActivityLoop *loop);

/* Recognizes what waits in the queue, up to the first event, which it returns: call it again at
 * once after another event than PSKD_RECOGNIZER_WAITING. Samples first if the sensor is not read
 * apart and a sample is due.
 */
PskdRecognizerEvent pskd_activity_loop_step(PskdActivityLoop *loop);

/* How long a caller may sleep after a step that returned PSKD_RECOGNIZER_WAITING, in microseconds:
 * until the next sample is due; PSKD_POLL_US if the sensor is late or has failed.
 */
uint32_t pskd_activity_loop_wait_us(const PskdActivityLoop *loop);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACTIVITY_LOOP_H_ */
