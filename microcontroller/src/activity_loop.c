#include "activity_loop.h"

#include <math.h>
#include <string.h>

#include "self_test.h"

#define RETRY_US 1000000u
#define HEADER_SECONDS 5.0f
/* Nothing was said, not even that there is no signal. */
#define NOTHING_YET (PSKD_NO_SIGNAL - 1)

static uint32_t period_us(void) { return (uint32_t)(1000000.0f / PSKD_SAMPLE_RATE_HZ + 0.5f); }

static void start_sensor(PskdActivityLoop *loop, uint32_t now_us) {
  const PskdAccelerometer *accelerometer = loop->accelerometer;
  PskdAccelerometerStatus status = PSKD_ACCELEROMETER_FAILED;
  if (pskd_axis_map_is_valid(&accelerometer->axes)) status = accelerometer->start();
  loop->retry_us = now_us;
  loop->due_us = now_us;
  loop->sensor_works = status == PSKD_ACCELEROMETER_OK;
  pskd_respond_status(&loop->responder, now_us,
                      loop->sensor_works ? "sensor_started" : "sensor_failed", (int32_t)status);
}

/* Says an activity; "no signal" once only, however long it lasts. */
static void respond(PskdActivityLoop *loop, uint32_t now_us, PskdRecognizerEvent event) {
  const PskdActivityRecognizer *recognizer = &loop->recognizer;
  const int32_t activity = recognizer->activity;
  float confidence = NAN;
  if (event == PSKD_RECOGNIZER_WAITING) return;
  if (event == PSKD_RECOGNIZER_LOST && loop->said == PSKD_NO_SIGNAL) return;
  loop->said = activity;
  if (event == PSKD_RECOGNIZER_DECIDED) {
    const PskdClassifierStatus status = pskd_classifier_status();
    confidence = recognizer->confidence;
    if (status != PSKD_CLASSIFIER_OK) {
      pskd_respond_status(&loop->responder, now_us, "model_failed", (int32_t)status);
    }
  }
  pskd_respond_activity(&loop->responder, now_us, activity, confidence);
}

static PskdRecognizerEvent lose_signal(PskdActivityLoop *loop, uint32_t now_us) {
  if (loop->is_silent) return PSKD_RECOGNIZER_WAITING;
  loop->is_silent = 1;
  pskd_activity_recognizer_lose_signal(&loop->recognizer);
  pskd_respond_status(&loop->responder, now_us, "no_sample", loop->sensor_works);
  respond(loop, now_us, PSKD_RECOGNIZER_LOST);
  return PSKD_RECOGNIZER_LOST;
}

void pskd_activity_loop_start(PskdActivityLoop *loop, const PskdLoopSettings *settings,
                              const PskdAccelerometer *accelerometer, PskdWrite write,
                              const char *project) {
  const uint32_t now_us = accelerometer->now_us();
  PskdClassifierStatus status;
  memset(loop, 0, sizeof(*loop));
  loop->settings = *settings;
  loop->accelerometer = accelerometer;
  loop->responder.write = write;
  loop->responder.project = project;
  loop->responder.accelerometer = accelerometer;
  loop->responder.rate_hz = PSKD_SAMPLE_RATE_HZ;
  loop->newest_us = now_us;
  loop->said = NOTHING_YET;
  pskd_activity_recognizer_start(&loop->recognizer, &settings->recognizer);
  pskd_respond_header(&loop->responder);
  status = pskd_classifier_start();
  pskd_respond_status(&loop->responder, now_us,
                      status == PSKD_CLASSIFIER_OK ? "model_started" : "model_failed",
                      (int32_t)status);
  if (pskd_self_test_clips() > 0) {
    pskd_respond_status(&loop->responder, now_us, "differing_clips", pskd_self_test());
  }
  start_sensor(loop, now_us);
}

PskdRecognizerEvent pskd_activity_loop_step(PskdActivityLoop *loop) {
  const PskdAccelerometer *accelerometer = loop->accelerometer;
  const uint32_t now_us = accelerometer->now_us();
  PskdRecognizerEvent event = PSKD_RECOGNIZER_WAITING;
  PskdAccelerometerStatus status;
  float raw[3], sample[3];
  uint32_t time_us = now_us;
  if (now_us - loop->newest_us > loop->settings.silence_us) event = lose_signal(loop, now_us);
  if (!loop->sensor_works) {
    if (now_us - loop->retry_us >= RETRY_US) start_sensor(loop, now_us);
    if (!loop->sensor_works) return event;
  }
  /* Not due yet; a clock that went back far is no reason to wait for it. */
  if (loop->due_us - now_us <= period_us() && loop->due_us != now_us) return event;
  status = accelerometer->read(&time_us, raw);
  if (status == PSKD_ACCELEROMETER_NO_SAMPLE) return event;
  if (status != PSKD_ACCELEROMETER_OK) {
    loop->sensor_works = 0;
    pskd_respond_status(&loop->responder, now_us, "sensor_failed", (int32_t)status);
    return event;
  }
  /* From when it was due, not from now: lateness must not add up. */
  loop->due_us += period_us();
  if (loop->due_us - now_us > period_us()) loop->due_us = now_us + period_us();
  loop->newest_us = now_us;
  if (loop->is_silent) {
    loop->is_silent = 0;
    loop->said = NOTHING_YET;
    pskd_respond_status(&loop->responder, time_us, "samples_again", 0);
  }
  pskd_map_axes(&accelerometer->axes, raw, sample);
  if (--loop->until_header <= 0) {
    loop->until_header = (int32_t)(HEADER_SECONDS * PSKD_SAMPLE_RATE_HZ);
    pskd_respond_header(&loop->responder);
  }
  if (loop->settings.sends_samples) pskd_respond_sample(&loop->responder, time_us, sample);
  event = pskd_activity_recognizer_add(&loop->recognizer, time_us, sample,
                                       pskd_classifier_invoke);
  respond(loop, time_us, event);
  return event;
}
