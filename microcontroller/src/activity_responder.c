#include "activity_responder.h"

#include <math.h>

#include "activity_filter.h"

#define CAPACITY 160

typedef struct {
  char text[CAPACITY];
  int32_t length;
} Line;

/* What does not fit is left out; two places are kept for the line's end. */
static void add_character(Line *line, char character) {
  if (line->length < CAPACITY - 2) line->text[line->length++] = character;
}

static void add_text(Line *line, const char *text) {
  for (; *text != '\0'; ++text) add_character(line, *text);
}

static void add_unsigned(Line *line, uint32_t value, int digits) {
  char reversed[10];
  int count = 0;
  do {
    reversed[count++] = (char)('0' + value % 10u);
    value /= 10u;
  } while (value != 0u || count < digits);
  while (count > 0) add_character(line, reversed[--count]);
}

static void add_integer(Line *line, int32_t value) {
  if (value < 0) add_character(line, '-');
  add_unsigned(line, value < 0 ? 0u - (uint32_t)value : (uint32_t)value, 1);
}

/* decimals: at most 5. What is no number, or too large to be one of ours, is "nan". */
static void add_fixed(Line *line, float value, int decimals) {
  uint32_t scale = 1u, scaled;
  int digit;
  if (!(value > -10000.0f && value < 10000.0f)) {
    add_text(line, "nan");
    return;
  }
  for (digit = 0; digit < decimals; ++digit) scale *= 10u;
  if (value < 0.0f) add_character(line, '-');
  scaled = (uint32_t)(fabsf(value) * (float)scale + 0.5f);
  add_unsigned(line, scaled / scale, 1);
  add_character(line, '.');
  add_unsigned(line, scaled % scale, decimals);
}

/* A field of CSV in quotes, which are doubled inside; line breaks would end the line. */
static void add_quoted(Line *line, const char *text) {
  add_character(line, '"');
  for (; *text != '\0'; ++text) {
    if (*text == '"') add_character(line, '"');
    add_character(line, *text == '\n' || *text == '\r' ? ' ' : *text);
  }
  add_character(line, '"');
}

static void start(Line *line, const char *kind, uint32_t time_us) {
  line->length = 0;
  add_text(line, kind);
  add_character(line, ',');
  add_unsigned(line, time_us, 1);
}

static void send(const PskdActivityResponder *responder, Line *line) {
  /* Both: a terminal wants the carriage to return. */
  line->text[line->length++] = '\r';
  line->text[line->length++] = '\n';
  responder->write(line->text, line->length);
}

void pskd_respond_header(const PskdActivityResponder *responder) {
  const PskdAccelerometer *accelerometer = responder->accelerometer;
  Line line;
  int axis;
  start(&line, "pskd", PSKD_PROTOCOL_VERSION);
  add_character(&line, ',');
  add_text(&line, responder->project);
  add_character(&line, ',');
  add_text(&line, pskd_classifier_runtime());
  add_character(&line, ',');
  add_fixed(&line, responder->rate_hz, 3);
  add_character(&line, ',');
  add_fixed(&line, accelerometer->range_g, 1);
  add_character(&line, ',');
  for (axis = 0; axis < 3; ++axis) {
    add_character(&line, accelerometer->axes.sign[axis] < 0 ? '-' : '+');
    add_character(&line, (char)('x' + accelerometer->axes.axis[axis]));
  }
  add_character(&line, ',');
  add_integer(&line, PSKD_NUM_ACTIVITIES);
  send(responder, &line);
}

void pskd_respond_sample(const PskdActivityResponder *responder, uint32_t time_us,
                         const float *sample) {
  Line line;
  int axis;
  start(&line, "sample", time_us);
  for (axis = 0; axis < 3; ++axis) {
    add_character(&line, ',');
    add_fixed(&line, sample[axis], 5);
  }
  send(responder, &line);
}

void pskd_respond_activity(const PskdActivityResponder *responder, uint32_t time_us,
                           int32_t activity, float confidence) {
  const char *label = activity == PSKD_UNKNOWN     ? "unknown"
                      : activity == PSKD_NO_SIGNAL ? "no signal"
                                                   : pskd_labels[activity];
  Line line;
  start(&line, "activity", time_us);
  add_character(&line, ',');
  add_integer(&line, activity);
  add_character(&line, ',');
  add_quoted(&line, label);
  add_character(&line, ',');
  if (isfinite(confidence)) add_fixed(&line, confidence, 3);
  send(responder, &line);
}

void pskd_respond_status(const PskdActivityResponder *responder, uint32_t time_us,
                         const char *word, int32_t number) {
  Line line;
  start(&line, "status", time_us);
  add_character(&line, ',');
  add_text(&line, word);
  add_character(&line, ',');
  add_integer(&line, number);
  send(responder, &line);
}
