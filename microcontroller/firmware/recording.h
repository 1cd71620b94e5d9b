/* The file of a recording, as pskd_tf/device/firmware.py writes it: a header, then its samples. */
#ifndef PSKD_RECORDING_H_
#define PSKD_RECORDING_H_

#include <stdint.h>
#include <string.h>

#include "activity_recognizer.h"
#include "platform.h"

/* Words after the magic: no padding. */
typedef struct {
  char magic[4];
  int32_t count;
  float smoothing, enter, leave, class_floor;
  float rise, fall_per_us, most;
  int32_t minimum_windows, maximum_same;
  uint32_t maximum_gap_us;
  float gravity_weight, energy_weight, start_g, end_g, noise_rise, start_noise, end_noise;
  int32_t lead_samples, rest_samples;
} RecordingHeader;

typedef struct {
  uint32_t time_us;
  float values[PSKD_NUM_AXES];
} RecordedSample;

static inline PskdRecognizerSettings settings_of(const RecordingHeader *header) {
  PskdRecognizerSettings settings;
  memset(&settings, 0, sizeof(settings));
  settings.filter.smoothing = header->smoothing;
  settings.filter.enter = header->enter;
  settings.filter.leave = header->leave;
  settings.filter.class_floor = header->class_floor;
  settings.filter.minimum_windows = header->minimum_windows;
  settings.adaptation.rise = header->rise;
  settings.adaptation.fall_per_us = header->fall_per_us;
  settings.adaptation.most = header->most;
  settings.maximum_same = header->maximum_same;
#if PSKD_CLIP_MODE
  settings.segment.gravity_weight = header->gravity_weight;
  settings.segment.energy_weight = header->energy_weight;
  settings.segment.start_g = header->start_g;
  settings.segment.end_g = header->end_g;
  settings.segment.noise_rise = header->noise_rise;
  settings.segment.start_noise = header->start_noise;
  settings.segment.end_noise = header->end_noise;
  settings.segment.lead_samples = header->lead_samples;
  settings.segment.rest_samples = header->rest_samples;
  settings.segment.maximum_gap_us = header->maximum_gap_us;
#else
  settings.maximum_gap_us = header->maximum_gap_us;
#endif
  return settings;
}

/* Reads the header of the file that the command line names. Returns 0 if there is none. */
static inline int open_recording(int argc, char **argv, RecordingHeader *header) {
  return platform_open(argc, argv) && platform_read(header->magic, sizeof(header->magic)) &&
         platform_read_words((char *)header + 4, sizeof(*header) / 4u - 1u) &&
         memcmp(header->magic, "PSKR", sizeof(header->magic)) == 0 && header->count >= 1;
}

/* Reads the next sample. Returns 0 if there is none. */
static inline int read_sample(RecordedSample *sample) {
  return platform_read_words(sample, sizeof(*sample) / 4u);
}

#endif /* PSKD_RECORDING_H_ */
