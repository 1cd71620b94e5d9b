/* The board file: no board. Samples are lines time_us,x,y,z of the standard input; so is time. */
#include "board.h"

#include <stdio.h>
#include <stdlib.h>

/* For x, y, z of the wrist that the model was trained on: the sensor's axis (0 is x, 1 is y, 2 is
 * z) and its sign. `python -m pskd_tf.monitor --port=PORT --check_axes` says what they must be.
 */
#define BOARD_AXES {@AXES@}
#define BOARD_SIGNS {@SIGNS@}
/* The range in g, which is only said in the header. */
#define BOARD_RANGE_G 8
/* The unit of the input: 1 for g, 9.80665 for m/s^2, 4096 for counts of a sensor at 8 g. */
#define BOARD_UNITS_PER_G 1.0f
@six_axes@/* 1 for degrees per second, 0.0174532925 for rad/s: a line is time_us,x,y,z,rate_x,rate_y,rate_z. */
@six_axes@#define BOARD_UNITS_PER_DPS 1.0f

/* After the last line the clock goes on for so long: a sensor that fell silent. */
#define AFTER_US 1000000u

typedef struct {
  uint32_t time_us;
  float raw[PSKD_NUM_AXES];
} Row;

int pskd_board_has_more(void);

static Row next;
static uint32_t clock_us, end_us;
static int has_next, has_ended;

/* Reads a line; what is no line of numbers, such as a header, is skipped. */
static void read_line(void) {
  char line[256];
  has_next = 0;
  while (!has_next && fgets(line, sizeof(line), stdin) != NULL) {
    char *end = line;
    const unsigned long long time_us = strtoull(line, &end, 10);
    int axis;
    if (end == line) continue;
    next.time_us = (uint32_t)time_us;
    has_next = 1;
    for (axis = 0; axis < PSKD_NUM_AXES && has_next; ++axis) {
      char *after = end;
      if (*end == ',') next.raw[axis] = strtof(end + 1, &after);
      has_next = after > end + 1;
      end = after;
    }
  }
  if (!has_next && !has_ended) {
    has_ended = 1;
    end_us = clock_us + AFTER_US;
  }
}

int pskd_board_has_more(void) { return !has_ended || end_us - clock_us < 0x80000000u; }

static PskdAccelerometerStatus start(void) { return PSKD_ACCELEROMETER_OK; }

static PskdAccelerometerStatus collect(PskdSampleQueue *queue) {
  PskdAccelerometerStatus status = PSKD_ACCELEROMETER_NO_SAMPLE;
  Row newest = next;
  /* The newest of those that were taken by now. */
  while (has_next && clock_us - next.time_us < 0x80000000u) {
    newest = next;
    status = PSKD_ACCELEROMETER_OK;
    read_line();
  }
  if (status == PSKD_ACCELEROMETER_OK) {
    (void)pskd_sample_queue_add(queue, newest.time_us, newest.raw);
  }
  return status;
}

static uint32_t now_us(void) { return clock_us; }

const PskdAccelerometer pskd_board_accelerometer = {
@three_axes@    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G, 0};
@six_axes@    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G, BOARD_UNITS_PER_DPS},
@six_axes@    BOARD_RANGE_G, 0};

void pskd_board_start(void) {
  read_line();
  if (has_next) clock_us = next.time_us;
}

void pskd_board_write(const char *text, int32_t length) {
  (void)fwrite(text, 1, (size_t)length, stdout);
  (void)fflush(stdout);
}

void pskd_board_wait(uint32_t microseconds) { clock_us += microseconds; }
