/* Streams a recording through the recognizer with the plain model, on the host.
 *
 * For `python -m pskd_tf.simulate`, which writes the file (pskd_tf/simulation/run_core.py) and
 * reads the lines:
 *   lost INDEX
 *   decided INDEX FIRST LAST ACTIVITY BEST CONFIDENCE OUTPUT...
 * INDEX is the sample at which it happened; FIRST and LAST, in clip mode, are those of the segment,
 * else -1. Exit status: 0, or 2 if the file cannot be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activity_recognizer.h"
#include "plain_model.h"

#if PSKD_PLAIN_INPUT_SIZE != PSKD_INPUT_SIZE || PSKD_PLAIN_OUTPUT_SIZE != PSKD_NUM_CLASSES
#error "plain_model.h and model_settings.h are of different models"
#endif

/* Members of four bytes each: no padding. */
typedef struct {
  char magic[4];
  int32_t count;
  float smoothing, enter, leave;
  int32_t minimum_windows, maximum_same;
  uint32_t maximum_gap_us;
  float gravity_weight, energy_weight, start_g, end_g;
  int32_t lead_samples, rest_samples;
} Header;

typedef struct {
  uint32_t time_us;
  float values[3];
} Sample;

static PskdActivityRecognizer recognizer;

static PskdRecognizerSettings settings_of(const Header *header) {
  PskdRecognizerSettings settings;
  memset(&settings, 0, sizeof(settings));
  settings.filter.smoothing = header->smoothing;
  settings.filter.enter = header->enter;
  settings.filter.leave = header->leave;
  settings.filter.minimum_windows = header->minimum_windows;
  settings.maximum_same = header->maximum_same;
#if PSKD_CLIP_MODE
  settings.segment.gravity_weight = header->gravity_weight;
  settings.segment.energy_weight = header->energy_weight;
  settings.segment.start_g = header->start_g;
  settings.segment.end_g = header->end_g;
  settings.segment.lead_samples = header->lead_samples;
  settings.segment.rest_samples = header->rest_samples;
  settings.segment.maximum_gap_us = header->maximum_gap_us;
#else
  settings.maximum_gap_us = header->maximum_gap_us;
#endif
  return settings;
}

static void print_decision(int32_t index, int32_t first, int32_t last) {
  const int32_t best = pskd_argmax(recognizer.output);
  const int32_t said = recognizer.activity >= 0 ? recognizer.activity : best;
  int32_t number;
  printf("decided %d %d %d %d %d %.9g", (int)index, (int)first, (int)last,
         (int)recognizer.activity, (int)best, (double)recognizer.probabilities[said]);
  for (number = 0; number < PSKD_NUM_CLASSES; ++number) printf(" %d", recognizer.output[number]);
  printf("\n");
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
  PskdRecognizerSettings settings;
  Header header;
  Sample sample;
  int32_t *taken; /* indices of the samples that were not left out */
  int32_t index, count = 0;
  if (file == NULL || fread(&header, sizeof(header), 1, file) != 1 ||
      memcmp(header.magic, "PSKR", sizeof(header.magic)) != 0 || header.count < 1) {
    fprintf(stderr, "error: no recording\n");
    return 2;
  }
  taken = (int32_t *)malloc((size_t)header.count * sizeof(*taken));
  if (taken == NULL) return 2;
  settings = settings_of(&header);
  pskd_activity_recognizer_start(&recognizer, &settings);
  for (index = 0; index < header.count; ++index) {
#if PSKD_CLIP_MODE
    const PskdSegmentDetector *cutter = &recognizer.detector;
#else
    const PskdWindowBuffer *cutter = &recognizer.buffer;
#endif
    const int started = cutter->started;
    const uint32_t newest_us = cutter->newest_us;
    PskdRecognizerEvent event;
    if (fread(&sample, sizeof(sample), 1, file) != 1) {
      fprintf(stderr, "error: the recording is cut short\n");
      return 2;
    }
    event = pskd_activity_recognizer_add(&recognizer, sample.time_us, sample.values,
                                         pskd_plain_invoke);
    if (cutter->started && (!started || cutter->newest_us != newest_us)) taken[count++] = index;
    if (event == PSKD_RECOGNIZER_LOST) printf("lost %d\n", (int)index);
    if (event == PSKD_RECOGNIZER_DECIDED) {
#if PSKD_CLIP_MODE
      const int32_t end = count - recognizer.detector.after;
      print_decision(index, taken[end - recognizer.detector.length], taken[end - 1]);
#else
      print_decision(index, -1, -1);
#endif
    }
  }
  free(taken);
  return fclose(file) != 0;
}
