#include "segment_detector.h"

/* A model in window mode has no segments: nothing is then compiled. */
#if PSKD_CLIP_MODE

#include <float.h>
#include <math.h>
#include <string.h>

/* A thousandth of a g, squared. From 0 the floor could not rise again. */
#define LEAST_NOISE 1e-6f

/* Forgets all but the newest samples, at most `kept` of them. */
static void keep_newest(PskdSegmentDetector *detector, int32_t kept) {
  if (detector->count <= kept) return;
  memmove(detector->samples, detector->samples + PSKD_NUM_AXES * (detector->count - kept),
          PSKD_NUM_AXES * (size_t)kept * sizeof(detector->samples[0]));
  detector->count = kept;
}

static void begin(PskdSegmentDetector *detector, uint32_t time_us, const float *sample) {
  detector->length = 0;
  detector->after = 0;
  detector->energy = 0.0f;
  detector->noise = FLT_MAX;
  detector->newest_us = time_us;
  detector->count = 1;
  detector->quiet = 0;
  detector->moving = 0;
  detector->full = 0;
  detector->started = 1;
  memcpy(detector->gravity, sample, sizeof(detector->gravity));
  memcpy(detector->samples, sample, PSKD_NUM_AXES * sizeof(*sample));
}

/* Follows the energy down at once, and up by a share in each sample. */
static void track_noise(PskdSegmentDetector *detector) {
  float noise = detector->noise;
  if (noise < FLT_MAX) noise += detector->settings.noise_rise * noise;
  if (detector->energy < noise) noise = detector->energy;
  if (noise < LEAST_NOISE) noise = LEAST_NOISE;
  detector->noise = noise;
}

/* The energy at which a movement starts or ends. */
static float limit(const PskdSegmentDetector *detector, float least_g, float multiple) {
  const float least = least_g * least_g, above_noise = multiple * detector->noise;
  return above_noise > least ? above_noise : least;
}

/* Hands out what is held, without the rest at its end. */
static PskdSegmentEvent hand_out(PskdSegmentDetector *detector) {
  detector->after = detector->quiet < detector->count ? detector->quiet : detector->count;
  detector->length = detector->count - detector->after;
  return detector->length < PSKD_MINIMUM_SAMPLES ? PSKD_SEGMENT_TOO_SHORT : PSKD_SEGMENT_READY;
}

void pskd_segment_detector_start(PskdSegmentDetector *detector,
                                 const PskdSegmentSettings *settings) {
  memset(detector, 0, sizeof(*detector));
  detector->settings = *settings;
  if (detector->settings.lead_samples > PSKD_MAXIMUM_SAMPLES - 1) {
    detector->settings.lead_samples = PSKD_MAXIMUM_SAMPLES - 1;
  }
  if (detector->settings.lead_samples < 0) detector->settings.lead_samples = 0;
}

PskdSegmentEvent pskd_segment_detector_add(PskdSegmentDetector *detector, uint32_t time_us,
                                           const float *sample) {
  const PskdSegmentSettings *settings = &detector->settings;
  const uint32_t elapsed_us = time_us - detector->newest_us;
  float high[3], energy;
  int axis;
  for (axis = 0; axis < PSKD_NUM_AXES; ++axis) {
    if (!isfinite(sample[axis])) return PSKD_SEGMENT_NOT_FINITE;
  }
  if (!detector->started) {
    begin(detector, time_us, sample);
    return PSKD_SEGMENT_RESTING;
  }
  if (elapsed_us == 0u) return PSKD_SEGMENT_DUPLICATE;
  /* A clock that went back looks like one that went far ahead. */
  if (elapsed_us > settings->maximum_gap_us) {
    begin(detector, time_us, sample);
    return PSKD_SEGMENT_RESTARTED;
  }
  for (axis = 0; axis < 3; ++axis) high[axis] = sample[axis] - detector->gravity[axis];
  energy = (high[0] * high[0] + high[1] * high[1]) + high[2] * high[2];
  /* Else it would never come down again. */
  if (!isfinite(energy)) return PSKD_SEGMENT_NOT_FINITE;
  detector->energy += settings->energy_weight * (energy - detector->energy);
  track_noise(detector);
  for (axis = 0; axis < 3; ++axis) {
    detector->gravity[axis] += settings->gravity_weight * high[axis];
  }
  detector->newest_us = time_us;
  if (!detector->moving) {
    keep_newest(detector, settings->lead_samples);
  } else if (detector->full) {
    detector->count = 0;
  }
  detector->full = 0;
  memcpy(detector->samples + PSKD_NUM_AXES * detector->count, sample,
         PSKD_NUM_AXES * sizeof(*sample));
  ++detector->count;
  if (!detector->moving) {
    if (detector->energy < limit(detector, settings->start_g, settings->start_noise)) {
      return PSKD_SEGMENT_RESTING;
    }
    detector->moving = 1;
    detector->quiet = 0;
  } else if (detector->energy < limit(detector, settings->end_g, settings->end_noise)) {
    ++detector->quiet;
  } else {
    detector->quiet = 0;
  }
  if (detector->quiet >= settings->rest_samples) {
    detector->moving = 0;
    return hand_out(detector);
  }
  if (detector->count < PSKD_MAXIMUM_SAMPLES) return PSKD_SEGMENT_MOVING;
  detector->full = 1;
  return hand_out(detector);
}

#endif
