/* Streams a recording through the recognizer with the plain model, on the host or a core.
 *
 * For `python -m pskd_tf.simulate`, which writes the file (pskd_tf/device/firmware.py) and
 * reads the lines:
 *   lost INDEX
 *   decided INDEX FIRST LAST ACTIVITY BEST CONFIDENCE CUT OUTPUT...
 * INDEX is the sample at which it happened; FIRST and LAST, in clip mode, are those of the segment,
 * else -1; BEST is the largest output's class; CONFIDENCE is a float's bits; CUT is 1 if
 * the movement goes on in the next segment. Where instructions are counted, lines `name value` follow.
 * Exit status: 0, or 2 if the file cannot be read.
 */
#include "activity_recognizer.h"
#include "plain_model.h"
#include "platform.h"
#include "print_report.h"
#include "recording.h"

#if PSKD_PLAIN_INPUT_SIZE != PSKD_INPUT_SIZE || PSKD_PLAIN_OUTPUT_SIZE != PSKD_NUM_CLASSES
#error "plain_model.h and model_settings.h are of different models"
#endif

static PskdActivityRecognizer recognizer;

#if PSKD_CLIP_MODE

/* Indices of the newest samples that were not left out: as many as a segment and the rest behind
 * it can have. */
static int32_t taken[PSKD_MAXIMUM_SAMPLES];
static int32_t taken_count;

static void note(int32_t index, int was_started, uint32_t was_newest_us) {
  const PskdSegmentDetector *detector = &recognizer.detector;
  if (!detector->started || (was_started && detector->newest_us == was_newest_us)) return;
  taken[taken_count++ % PSKD_MAXIMUM_SAMPLES] = index;
}

static void print_span(void) {
  const PskdSegmentDetector *detector = &recognizer.detector;
  const int32_t end = taken_count - detector->after;
  print_integer(taken[(end - detector->length) % PSKD_MAXIMUM_SAMPLES]);
  print_integer(taken[(end - 1) % PSKD_MAXIMUM_SAMPLES]);
}

static int32_t is_cut(void) { return recognizer.detector.full; }

#else

static void print_span(void) { platform_print(" -1 -1"); }

static int32_t is_cut(void) { return 0; }

#endif

static void print_decision(int32_t index) {
  int32_t number;
  platform_print("decided");
  print_integer(index);
  print_span();
  print_integer(recognizer.activity);
  print_integer(pskd_argmax(recognizer.output));
  print_bits(recognizer.confidence);
  print_integer(is_cut());
  for (number = 0; number < PSKD_NUM_CLASSES; ++number) print_integer(recognizer.output[number]);
  platform_print("\n");
}

int main(int argc, char **argv) {
  PskdRecognizerSettings settings;
  RecordingHeader header;
  uint64_t waiting_ticks = 0, deciding_ticks = 0;
  uint32_t decisions = 0, stack = 0;
  int32_t index;
  if (!open_recording(argc, argv, &header)) {
    platform_print("error: no recording\n");
    return 2;
  }
  settings = settings_of(&header);
  pskd_activity_recognizer_start(&recognizer, &settings);
  for (index = 0; index < header.count; ++index) {
#if PSKD_CLIP_MODE
    const int started = recognizer.detector.started;
    const uint32_t newest_us = recognizer.detector.newest_us;
#endif
    PskdRecognizerEvent event;
    uint32_t ticks, used;
    RecordedSample sample;
    if (!read_sample(&sample)) {
      platform_print("error: the recording is cut short\n");
      return 2;
    }
    platform_mark_stack();
    ticks = platform_ticks();
    event = pskd_activity_recognizer_add(&recognizer, sample.time_us, sample.values,
                                         pskd_plain_invoke);
    ticks = (platform_ticks() - ticks) & platform_ticks_mask;
    used = platform_used_stack();
    if (used > stack) stack = used;
#if PSKD_CLIP_MODE
    note(index, started, newest_us);
#endif
    if (event == PSKD_RECOGNIZER_DECIDED) {
      ++decisions;
      deciding_ticks += ticks;
      print_decision(index);
    } else {
      waiting_ticks += ticks;
    }
    if (event == PSKD_RECOGNIZER_LOST) {
      platform_print("lost");
      print_integer(index);
      platform_print("\n");
    }
  }
  if (platform_instructions_per_four_ticks != 0u) {
    const uint32_t others = (uint32_t)header.count - decisions;
    print_number("samples", (uint32_t)header.count);
    print_number("decisions", decisions);
    print_number("decision_instructions", instructions_per_call(deciding_ticks, decisions));
    print_number("sample_instructions", instructions_per_call(waiting_ticks, others));
    print_number("recognizer_stack_bytes", stack);
    print_number("recognizer_bytes", sizeof(recognizer));
    print_number("model_buffer_bytes", PSKD_PLAIN_BUFFER_BYTES);
  }
  return 0;
}
