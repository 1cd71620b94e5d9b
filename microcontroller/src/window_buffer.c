#include "window_buffer.h"

/* A model in clip mode has no windows: nothing is then compiled. */
#if !PSKD_CLIP_MODE

#include <math.h>
#include <string.h>

/* Rounded: a grid of 30 Hz is off by 10 parts in a million. */
static uint32_t period_us(void) { return (uint32_t)(1000000.0f / PSKD_WINDOW_RATE_HZ + 0.5f); }

/* Adds a point of the grid. Returns 1 if a window is due. */
static int push(PskdWindowBuffer *buffer, const float *point) {
  memcpy(buffer->ring + PSKD_NUM_AXES * buffer->next, point, PSKD_NUM_AXES * sizeof(*point));
  buffer->next = (buffer->next + 1) % PSKD_WINDOW_SAMPLES;
  if (buffer->count < PSKD_WINDOW_SAMPLES) ++buffer->count;
  if (--buffer->until_ready > 0) return 0;
  buffer->until_ready = PSKD_WINDOW_HOP;
  return 1;
}

/* Copies the ring, oldest point first. */
static void read_window(const PskdWindowBuffer *buffer, float *window) {
  const int32_t older = PSKD_WINDOW_SAMPLES - buffer->next;
  memcpy(window, buffer->ring + PSKD_NUM_AXES * buffer->next,
         PSKD_NUM_AXES * (size_t)older * sizeof(*window));
  memcpy(window + PSKD_NUM_AXES * older, buffer->ring,
         PSKD_NUM_AXES * (size_t)buffer->next * sizeof(*window));
}

/* Makes this sample the first point of a new grid. Returns 1 if a window is due. */
static int begin(PskdWindowBuffer *buffer, uint32_t time_us, const float *sample) {
  buffer->count = 0;
  buffer->next = 0;
  buffer->until_ready = PSKD_WINDOW_SAMPLES;
  buffer->started = 1;
  buffer->newest_us = time_us;
  buffer->to_next_us = period_us();
  memcpy(buffer->newest, sample, sizeof(buffer->newest));
  return push(buffer, sample);
}

void pskd_window_buffer_start(PskdWindowBuffer *buffer, uint32_t maximum_gap_us) {
  /* Within a hop no second window can become due. */
  const uint32_t hop_us = (uint32_t)PSKD_WINDOW_HOP * period_us();
  memset(buffer, 0, sizeof(*buffer));
  buffer->maximum_gap_us = maximum_gap_us < hop_us ? maximum_gap_us : hop_us;
}

PskdWindowEvent pskd_window_buffer_add(PskdWindowBuffer *buffer, uint32_t time_us,
                                       const float *sample, float *window) {
  const uint32_t elapsed_us = time_us - buffer->newest_us;
  PskdWindowEvent event = PSKD_WINDOW_FILLING;
  uint32_t at_us;
  int axis;
  for (axis = 0; axis < PSKD_NUM_AXES; ++axis) {
    if (!isfinite(sample[axis])) return PSKD_WINDOW_NOT_FINITE;
  }
  if (!buffer->started) {
    (void)begin(buffer, time_us, sample);
    return PSKD_WINDOW_FILLING;
  }
  if (elapsed_us == 0u) return PSKD_WINDOW_DUPLICATE;
  /* A clock that went back looks like one that went far ahead. */
  if (elapsed_us > buffer->maximum_gap_us) {
    (void)begin(buffer, time_us, sample);
    return PSKD_WINDOW_RESTARTED;
  }
  for (at_us = buffer->to_next_us; at_us <= elapsed_us; at_us += period_us()) {
    float point[PSKD_NUM_AXES];
    /* Times are under a hop's microseconds: the quotient is exact enough for float. */
    const float fraction = (float)at_us / (float)elapsed_us;
    for (axis = 0; axis < PSKD_NUM_AXES; ++axis) {
      const float before = buffer->newest[axis];
      point[axis] =
          at_us == elapsed_us ? sample[axis] : before + fraction * (sample[axis] - before);
    }
    if (push(buffer, point)) {
      read_window(buffer, window);
      event = PSKD_WINDOW_READY;
    }
  }
  buffer->to_next_us = at_us - elapsed_us;
  buffer->newest_us = time_us;
  memcpy(buffer->newest, sample, sizeof(buffer->newest));
  return event;
}

#endif
