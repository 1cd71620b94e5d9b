/* Streams 1,000,000 samples of a failing sensor through the recognizer with the plain model.
 *
 * Meant for the sanitizers. Everything is drawn by a fixed generator: the same counts each time.
 * Besides what the sanitizers find, it checks at every sample that the recognizer says "no signal"
 * when it must, and nothing but "unknown" of an input that is not finite. Exit status: 0 if no
 * rule was broken, else 1.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "activity_recognizer.h"
#include "plain_model.h"

#define SAMPLES 1000000
#define PERIOD_US 20000u
#define MAXIMUM_SAME 30
#define RANGE_G 16.0f

typedef enum {
  REST,
  MOVEMENT,
  NOT_A_NUMBER,
  INFINITE,
  HUGE_VALUES, /* finite, but their squares are not */
  SATURATED,
  DROPPED,
  DOUBLED,
  CLOCK_JUMPS,
  STUCK_AXIS,
  STOPPED,
  KINDS
} Kind;

static const char *const kind_names[KINDS] = {
    "rest",    "movement", "nan",         "infinity",   "huge",   "saturated",
    "dropped", "doubled",  "clock_jumps", "stuck_axis", "stopped"};

static PskdActivityRecognizer recognizer;
static uint32_t state = 2463534242u;
static long inferences, broken;

static uint32_t draw(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static uint32_t below(uint32_t limit) { return draw() % limit; }

/* Evenly in -1..1. */
static float noise(void) { return (float)draw() / 2147483648.0f - 1.0f; }

static void invoke(const int8_t *input, int8_t *output) {
  ++inferences;
  pskd_plain_invoke(input, output);
}

static void expect(int holds, const char *rule, long at) {
  if (holds) return;
  if (++broken <= 10) printf("broken: %s, sample %ld\n", rule, at);
}

static void check_decision(long at) {
  float total = 0.0f;
  int32_t index;
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) total += recognizer.probabilities[index];
  if (isfinite(total)) {
    expect(total > 0.999f && total < 1.001f, "probabilities add up to 1", at);
    expect(recognizer.activity != PSKD_NO_SIGNAL, "a decision is no lost signal", at);
  } else {
    expect(recognizer.activity == PSKD_UNKNOWN, "an input that is not finite is unknown", at);
  }
}

int main(void) {
  PskdRecognizerSettings settings;
  long kinds[KINDS] = {0}, lost = 0, decisions = 0, unknown_decisions = 0;
  long said_unknown = 0, said_no_signal = 0, said_activity = 0, at;
  uint32_t time_us = 0xFFF00000u, left = 0, axis = 0;
  int32_t same[3] = {0, 0, 0};
  float held[3] = {NAN, NAN, NAN}, phase = 0.0f, step = 0.0f;
  Kind kind = REST;
  memset(&settings, 0, sizeof(settings));
  settings.filter.smoothing = 0.5f;
  settings.filter.enter = 0.3f;
  settings.filter.leave = 0.2f;
  settings.filter.minimum_windows = 1;
  settings.maximum_same = MAXIMUM_SAME;
#if PSKD_CLIP_MODE
  settings.segment.gravity_weight = 0.1f;
  settings.segment.energy_weight = 0.2f;
  settings.segment.start_g = 0.25f;
  settings.segment.end_g = 0.12f;
  settings.segment.lead_samples = 5;
  settings.segment.rest_samples = 20;
  settings.segment.maximum_gap_us = 10u * PERIOD_US;
#else
  settings.maximum_gap_us = 10u * PERIOD_US;
#endif
  pskd_activity_recognizer_start(&recognizer, &settings);
  for (at = 0; at < SAMPLES; ++at) {
    float sample[PSKD_NUM_AXES];
    PskdRecognizerEvent event;
    int index, stuck = 0;
    if (left == 0u) {
      /* Every second stretch is a movement: faults fall before, into and after it. */
      kind = below(2u) != 0u ? MOVEMENT : (Kind)below(KINDS);
      left = 20u + below(380u);
      axis = below(3u);
      step = 0.02f + 0.3f * fabsf(noise());
    }
    --left;
    ++kinds[kind];
    phase += step;
    if (phase > 6.2831853f) phase -= 6.2831853f;
    for (index = 0; index < 3; ++index) {
      sample[index] = (index == 2 ? 1.0f : 0.0f) + 0.01f * noise();
      if (kind != REST) sample[index] += (0.5f + (float)index) * sinf(phase + (float)index);
    }
    for (index = 3; index < PSKD_NUM_AXES; ++index) sample[index] = 300.0f * noise();
    time_us += PERIOD_US;
    switch (kind) {
      case NOT_A_NUMBER:
        if (below(4u) != 0u) sample[axis] = NAN;
        break;
      case INFINITE:
        if (below(4u) != 0u) sample[axis] = noise() < 0.0f ? -INFINITY : INFINITY;
        break;
      case HUGE_VALUES:
        if (below(4u) == 0u) sample[axis] = 3e38f * noise();
        break;
      case SATURATED:
        for (index = 0; index < 3; ++index) {
          sample[index] = fmaxf(-RANGE_G, fminf(RANGE_G, 40.0f * sample[index]));
        }
        break;
      case DROPPED:
        time_us += PERIOD_US * (below(3u) == 0u ? below(14u) : 0u);
        break;
      case DOUBLED:
        if (below(2u) == 0u) time_us -= PERIOD_US;
        break;
      case CLOCK_JUMPS:
        if (below(20u) == 0u) time_us = draw();
        break;
      case STUCK_AXIS:
        if (isfinite(held[axis])) sample[axis] = held[axis];
        break;
      case STOPPED:
        if (below(50u) == 0u) time_us += 1000000u + below(100000000u);
        break;
      default:
        break;
    }
    for (index = 0; index < 3; ++index) {
      const int is_new = isfinite(sample[index]) && !(sample[index] == held[index]);
      same[index] = is_new ? 1 : same[index] + 1;
      if (is_new) held[index] = sample[index];
      if (same[index] >= MAXIMUM_SAME) stuck = 1;
    }
    event = pskd_activity_recognizer_add(&recognizer, time_us, sample, invoke);
    expect(recognizer.activity >= PSKD_NO_SIGNAL && recognizer.activity < PSKD_NUM_ACTIVITIES,
           "what is said is a class, unknown or no signal", at);
    if (stuck) expect(event == PSKD_RECOGNIZER_LOST, "a stuck axis is a lost signal", at);
    if (event == PSKD_RECOGNIZER_LOST) {
      ++lost;
      expect(recognizer.activity == PSKD_NO_SIGNAL, "a lost signal is said", at);
    }
    if (event == PSKD_RECOGNIZER_DECIDED) {
      ++decisions;
      check_decision(at);
      unknown_decisions += recognizer.activity == PSKD_UNKNOWN;
    }
    said_unknown += recognizer.activity == PSKD_UNKNOWN;
    said_no_signal += recognizer.activity == PSKD_NO_SIGNAL;
    said_activity += recognizer.activity >= 0;
  }
  for (at = 0; at < KINDS; ++at) printf("samples_%s %ld\n", kind_names[at], kinds[at]);
  printf("samples %d\ninferences %ld\ndecisions %ld\n", SAMPLES, inferences, decisions);
  printf("decisions_unknown %ld\nsignal_lost %ld\n", unknown_decisions, lost);
  printf("said_unknown %ld\nsaid_no_signal %ld\nsaid_activity %ld\n", said_unknown,
         said_no_signal, said_activity);
  printf("broken_rules %ld\n", broken);
  return broken != 0;
}
