/* From samples with time stamps to windows of fixed rate, length and hop.
 *
 * C99, no heap, no static state. A window never spans a gap: after one, the buffer fills anew.
 * Declared only for models in window mode (PSKD_CLIP_MODE 0).
 */
#ifndef PSKD_WINDOW_BUFFER_H_
#define PSKD_WINDOW_BUFFER_H_

#include <stdint.h>

#include "model_settings.h"
#include "sensor_axes.h"

#if !PSKD_CLIP_MODE

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PSKD_WINDOW_FILLING = 0,
  PSKD_WINDOW_READY = 1,      /* a window was written */
  PSKD_WINDOW_DUPLICATE = 2,  /* the stamp of the sample before: left out */
  PSKD_WINDOW_NOT_FINITE = 3, /* NaN or infinity: left out, as if it had been lost */
  PSKD_WINDOW_RESTARTED = 4   /* a gap, or a clock that went back: older samples are forgotten */
} PskdWindowEvent;

/* Its fields are the buffer's own. */
typedef struct {
  float ring[PSKD_NUM_AXES * PSKD_WINDOW_SAMPLES];
  float newest[PSKD_NUM_AXES]; /* the sample before */
  uint32_t newest_us;     /* its stamp */
  uint32_t to_next_us;    /* from that stamp to the next point of the grid */
  uint32_t maximum_gap_us;
  int32_t count, next;    /* points in the ring, and where the next one goes */
  int32_t until_ready;    /* points until a window is due */
  int started;
} PskdWindowBuffer;

/* maximum_gap_us: the longest time between two samples that is bridged by a straight line, in
 * microseconds; at most a hop is.
 */
void pskd_window_buffer_start(PskdWindowBuffer *buffer, uint32_t maximum_gap_us);

/* Takes a sample; puts it on a grid of PSKD_WINDOW_RATE_HZ, whose first point is the first sample,
 * by linear interpolation. A sample that lies on a point is taken over unchanged.
 *
 * time_us: its stamp in microseconds; it may wrap around.
 * sample: x, y, z in g, and turn rates of six axes.
 * window: receives (PSKD_WINDOW_SAMPLES, PSKD_NUM_AXES), oldest first, if PSKD_WINDOW_READY is
 *   returned.
 */
PskdWindowEvent pskd_window_buffer_add(PskdWindowBuffer *buffer, uint32_t time_us,
                                       const float *sample, float *window);

#ifdef __cplusplus
}
#endif

#endif /* !PSKD_CLIP_MODE */

#endif /* PSKD_WINDOW_BUFFER_H_ */
