#include "activity_loop.h"

#include <math.h>
#include <string.h>

#include "self_test.h"

#define RETRY_US 1000000u
#define HEADER_SECONDS 5.0f
/* Nothing was said, not even that there is no signal. */
#define NOTHING_YET (PSKD_NO_SIGNAL - 1)

static void start_sensor(PskdActivityLoop *loop, uint32_t now_us) {
  const PskdAccelerometer *accelerometer = loop->accelerometer;
  PskdAccelerometerStatus status = PSKD_ACCELEROMETER_FAILED;
  if (pskd_axis_map_is_valid(&accelerometer->axes)) status = accelerometer->start();
  loop->retry_us = now_us;
  loop->due_us = now_us;
  loop->sensor_works = status == PSKD_ACCELEROMETER_OK;
  /* From here on the bus is the sampling context's. */
  PSKD_MEMORY_BARRIER();
  loop->is_sampling = loop->sensor_works;
  pskd_respond_status(&loop->responder, now_us,
                      loop->sensor_works ? "sensor_started" : "sensor_failed", (int32_t)status);
}

/* Says an activity; "no signal" once only, however long it lasts. */
static void respond(PskdActivityLoop *loop, uint32_t now_us, PskdRecognizerEvent event) {
  const PskdActivityRecognizer *recognizer = &loop->recognizer;
  const int32_t activity = recognizer->activity;
  float confidence = NAN;
  if (event == PSKD_RECOGNIZER_WAITING || event == PSKD_RECOGNIZER_SKIPPED) return;
  if (event == PSKD_RECOGNIZER_LOST && loop->said == PSKD_NO_SIGNAL) return;
  loop->said = activity;
  if (event == PSKD_RECOGNIZER_DECIDED) {
    const PskdClassifierStatus status = pskd_classifier_status();
    confidence = recognizer->confidence;
    if (status != PSKD_CLASSIFIER_OK) {
      pskd_respond_status(&loop->responder, now_us, pskd_classifier_word(), (int32_t)status);
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
  pskd_sample_queue_start(&loop->queue);
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
  pskd_respond_status(&loop->responder, now_us, pskd_classifier_word(), (int32_t)status);
  if (pskd_self_test_clips() > 0) {
    pskd_respond_status(&loop->responder, now_us, "differing_clips", pskd_self_test());
  }
  start_sensor(loop, now_us);
}

PskdAccelerometerStatus pskd_activity_loop_sample(PskdActivityLoop *loop) {
  PskdAccelerometerStatus status;
  if (!loop->is_sampling) return PSKD_ACCELEROMETER_NO_SAMPLE;
  status = loop->accelerometer->collect(&loop->queue);
  if (status != PSKD_ACCELEROMETER_FAILED) return status;
  /* The bus goes back to the loop, which sets up the sensor again. */
  PSKD_MEMORY_BARRIER();
  loop->is_sampling = 0;
  return status;
}

/* For a sensor that is not read apart: reads it if a sample is due. */
static void sample_if_due(PskdActivityLoop *loop, uint32_t now_us) {
  /* Not due yet; a clock that went back far is no reason to wait for it. */
  if (loop->due_us - now_us <= PSKD_SAMPLE_US && loop->due_us != now_us) return;
  if (pskd_activity_loop_sample(loop) != PSKD_ACCELEROMETER_OK) return;
  /* From when it was due, not from now: lateness must not add up. */
  loop->due_us += PSKD_SAMPLE_US;
  if (loop->due_us - now_us > PSKD_SAMPLE_US) loop->due_us = now_us + PSKD_SAMPLE_US;
}

static void say_losses(PskdActivityLoop *loop, uint32_t now_us) {
  const uint32_t lost = loop->queue.lost;
  if (loop->sensor_works && !loop->is_sampling) {
    loop->sensor_works = 0;
    pskd_respond_status(&loop->responder, now_us, "sensor_failed",
                        (int32_t)PSKD_ACCELEROMETER_FAILED);
  }
  if (lost == loop->lost) return;
  loop->lost = lost;
  pskd_respond_status(&loop->responder, now_us, "samples_lost", (int32_t)lost);
}

static PskdRecognizerEvent recognize(PskdActivityLoop *loop, const PskdStampedSample *taken) {
  PskdInvoke invoke = pskd_classifier_invoke;
  PskdRecognizerEvent event;
  float sample[PSKD_NUM_AXES];
  loop->newest_us = taken->time_us;
  if (loop->is_silent) {
    loop->is_silent = 0;
    loop->said = NOTHING_YET;
    pskd_respond_status(&loop->responder, taken->time_us, "samples_again", 0);
  }
  pskd_map_axes(&loop->accelerometer->axes, taken->raw, sample);
  if (--loop->until_header <= 0) {
    loop->until_header = (int32_t)(HEADER_SECONDS * PSKD_SAMPLE_RATE_HZ);
    pskd_respond_header(&loop->responder);
  }
  if (loop->settings.sends_samples) {
    pskd_respond_sample(&loop->responder, taken->time_us, sample);
  }
#if !PSKD_CLIP_MODE
  if (pskd_sample_queue_depth(&loop->queue) >= PSKD_BEHIND_SAMPLES) invoke = NULL;
#endif
  event = pskd_activity_recognizer_add(&loop->recognizer, taken->time_us, sample, invoke);
  if (event == PSKD_RECOGNIZER_SKIPPED) {
    ++loop->skipped;
    pskd_respond_status(&loop->responder, taken->time_us, "windows_skipped", loop->skipped);
  }
  respond(loop, taken->time_us, event);
  return event;
}

PskdRecognizerEvent pskd_activity_loop_step(PskdActivityLoop *loop) {
  const PskdAccelerometer *accelerometer = loop->accelerometer;
  /* Before the queue is emptied: what comes later is newer. */
  const uint32_t now_us = accelerometer->now_us();
  PskdRecognizerEvent event = PSKD_RECOGNIZER_WAITING;
  PskdStampedSample taken;
  if (!loop->sensor_works && now_us - loop->retry_us >= RETRY_US) start_sensor(loop, now_us);
  if (!accelerometer->collects_apart) sample_if_due(loop, now_us);
  say_losses(loop, now_us);
  while (event == PSKD_RECOGNIZER_WAITING && pskd_sample_queue_take(&loop->queue, &taken)) {
    event = recognize(loop, &taken);
  }
  /* Signed: a sample may be newer than now_us. */
  if (event == PSKD_RECOGNIZER_WAITING &&
      (int32_t)(now_us - loop->newest_us) > (int32_t)loop->settings.silence_us) {
    event = lose_signal(loop, now_us);
  }
  return event;
}

uint32_t pskd_activity_loop_wait_us(const PskdActivityLoop *loop) {
  const uint32_t until_due_us = loop->due_us - loop->accelerometer->now_us();
  /* Samples that come meanwhile wait in the queue. */
  if (loop->accelerometer->collects_apart) return PSKD_SAMPLE_US;
  if (!loop->is_sampling || until_due_us == 0u || until_due_us > PSKD_SAMPLE_US) {
    return PSKD_POLL_US;
  }
  return until_due_us;
}
