/* From a stream of samples to movements, one segment each, for models in clip mode.
 *
 * C99, no heap, no static state. For each sample a, per axis and in float:
 *   h = a - gravity                                     (high-passed; gravity before this sample)
 *   energy  += energy_weight * ((hx*hx + hy*hy) + hz*hz - energy)
 *   gravity += gravity_weight * h
 *   noise   += noise_rise * noise, then the smaller of noise and energy, at least 1e-6
 * gravity starts as the first sample, energy as 0, noise as the largest float. A movement starts
 * once energy reaches the larger of start_g * start_g and start_noise * noise, and ends once it has
 * stayed below the larger of end_g * end_g and end_noise * noise for rest_samples. The rule is
 * ours. Compile with -ffp-contract=off and without -ffast-math.
 * Declared only for models in clip mode (PSKD_CLIP_MODE 1).
 */
#ifndef PSKD_SEGMENT_DETECTOR_H_
#define PSKD_SEGMENT_DETECTOR_H_

#include <stdint.h>

#include "model_settings.h"
#include "sensor_axes.h"

#if PSKD_CLIP_MODE

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PSKD_SEGMENT_RESTING = 0,
  PSKD_SEGMENT_MOVING = 1,
  PSKD_SEGMENT_READY = 2,      /* `samples` holds `length` samples until the next call */
  PSKD_SEGMENT_TOO_SHORT = 3,  /* a movement of fewer than PSKD_MINIMUM_SAMPLES: left out */
  PSKD_SEGMENT_DUPLICATE = 4,  /* the stamp of the sample before: left out */
  PSKD_SEGMENT_NOT_FINITE = 5, /* NaN, infinity, or an energy that is: left out, as if lost */
  PSKD_SEGMENT_RESTARTED = 6   /* a gap, or a clock that went back: older samples are forgotten */
} PskdSegmentEvent;

typedef struct {
  float gravity_weight;  /* above 0 and at most 1 */
  float energy_weight;   /* above 0 and at most 1 */
  float start_g;         /* root mean square, in g, from which a movement starts */
  float end_g;           /* below this it ends; at most start_g */
  float noise_rise;      /* share by which the noise floor rises in a sample, from 0 */
  float start_noise;     /* a movement starts at no less than this multiple of the floor, from 0 */
  float end_noise;       /* below this multiple it ends, too; at most start_noise */
  int32_t lead_samples;  /* samples before the start that belong to it, from 0; bounded so that
                            one sample of room is left */
  int32_t rest_samples;  /* samples below the end's limit that end it, from 1 */
  uint32_t maximum_gap_us; /* longest time between two samples of one movement */
} PskdSegmentSettings;

/* A caller reads `samples`, `length` and `after`; the other fields are the detector's own. */
typedef struct {
  float samples[PSKD_NUM_AXES * PSKD_MAXIMUM_SAMPLES]; /* (length, PSKD_NUM_AXES) */
  int32_t length;
  int32_t after; /* samples taken since the segment's last one */
  PskdSegmentSettings settings;
  float gravity[3];
  float energy;
  float noise; /* the noise floor: a minimum of the energy that rises slowly */
  uint32_t newest_us;
  int32_t count; /* samples held */
  int32_t quiet; /* the last ones of them below the limit, and those of a segment cut before */
  int moving;
  int full; /* a segment was cut: drop it at the next call */
  int started;
} PskdSegmentDetector;

void pskd_segment_detector_start(PskdSegmentDetector *detector,
                                 const PskdSegmentSettings *settings);

/* Takes a sample. A segment has from PSKD_MINIMUM_SAMPLES to PSKD_MAXIMUM_SAMPLES samples, with
 * the lead and without the rest. What is longer is cut there, and goes on as the next segment.
 *
 * time_us: its stamp in microseconds; it may wrap around.
 * sample: x, y, z in g, and turn rates of six axes, which decide nothing here.
 */
PskdSegmentEvent pskd_segment_detector_add(PskdSegmentDetector *detector, uint32_t time_us,
                                           const float *sample);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_CLIP_MODE */

#endif /* PSKD_SEGMENT_DETECTOR_H_ */
