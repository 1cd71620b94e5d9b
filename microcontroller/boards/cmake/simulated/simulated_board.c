/* The board file and main of a board that is simulated: the application on a simulated LSM6DSO.
 *
 *   NAME_simulated recording.csv [delivered.bin] [NAME=VALUE ...]
 *
 * recording.csv: lines time_us,x,y,z in g. The serial line is the standard output. delivered.bin
 * receives each sample that the sensor delivered: the stamp (uint32) and x, y, z (float) in g, as
 * the machine stores them. Ends with `name value` lines on the standard error. Time is simulated,
 * so a day takes seconds. `python -m pskd_tf.simulate_board` builds and starts it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/activity_loop.h"
#include "../src/application.h"
#include "../src/board.h"
#include "../src/i2c_accelerometer.h"
#include "chip.h"

/* As in src/board.c. */
#define BOARD_AXES {@AXES@}
#define BOARD_SIGNS {@SIGNS@}
#define BOARD_RANGE_G 8

/* After the end the loop goes on, shorter than a silence, to take what still waits. */
#define AFTER_US 250000.0

static PskdChipSettings chip_settings = {0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0};
static double seconds = 60.0;      /* how long the board runs */
static double range_g = BOARD_RANGE_G;
static double wake_jitter_us = 0.0; /* the board wakes up late by up to so much */
static double inference_us = 0.0;
static double baud = 0.0; /* the serial line blocks for ten bits a byte; 0: takes no time */

static const struct {
  const char *name;
  double *value;
  double minimum, maximum;
} options[] = {
    {"seed", &chip_settings.seed, 0.0, 2147483647.0},
    {"seconds", &seconds, 1.0, 1e7},
    {"drift_percent", &chip_settings.drift_percent, -5.0, 5.0},
    {"drift_period_s", &chip_settings.drift_period_s, 0.0, 1e6},
    {"sample_jitter_us", &chip_settings.sample_jitter_us, 0.0, 5000.0},
    {"wake_jitter_us", &wake_jitter_us, 0.0, 1e6},
    {"loss_percent", &chip_settings.loss_percent, 0.0, 100.0},
    {"outages_an_hour", &chip_settings.outages_an_hour, 0.0, 3600.0},
    {"outage_s", &chip_settings.outage_s, 0.0, 3600.0},
    {"range_g", &range_g, 2.0, 16.0},
    {"noise_g", &chip_settings.noise_g, 0.0, 1.0},
    {"inference_us", &inference_us, 0.0, 1e7},
    {"baud", &baud, 0.0, 1e9},
};

static PskdChipMotion motion;
static PskdSimulatedChip chip;
static PskdI2cAccelerometer sensor;
static const PskdSampleQueue *filled; /* the application's queue */
static FILE *delivered;
static double clock_us;
static uint64_t wake_random, wake_ups, delivered_samples, bus_bytes, serial_bytes;

static int write_register(uint8_t address, uint8_t first, uint8_t value) {
  (void)address;
  bus_bytes += 3; /* address, register, value */
  return pskd_simulated_chip_write(&chip, clock_us, first, value);
}

static int read_registers(uint8_t address, uint8_t first, uint8_t *bytes, int32_t count) {
  (void)address;
  bus_bytes += 3 + (uint64_t)count; /* address, register, address again */
  return pskd_simulated_chip_read(&chip, clock_us, first, bytes, count);
}

static uint32_t now_us(void) { return (uint32_t)(uint64_t)clock_us; }

static const PskdI2cBus bus = {write_register, read_registers, now_us};

static PskdAccelerometerStatus start(void) {
  return pskd_i2c_accelerometer_start(&sensor, &bus, PSKD_LSM6, 0u, (int32_t)range_g,
                                      PSKD_SAMPLE_US);
}

static PskdAccelerometerStatus collect(PskdSampleQueue *queue) {
  const uint32_t before = queue->added;
  const PskdAccelerometerStatus status = pskd_i2c_accelerometer_collect(&sensor, &bus, queue);
  uint32_t count;
  filled = queue;
  for (count = before; count != queue->added; ++count) {
    const volatile PskdStampedSample *sample = &queue->samples[count % PSKD_QUEUE_SAMPLES];
    const uint32_t time_us = sample->time_us;
    const float raw[3] = {sample->raw[0], sample->raw[1], sample->raw[2]};
    ++delivered_samples;
    if (delivered == NULL) continue;
    (void)fwrite(&time_us, sizeof(time_us), 1, delivered);
    (void)fwrite(raw, sizeof(raw), 1, delivered);
  }
  return status;
}

const PskdAccelerometer pskd_board_accelerometer = {
    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, 1.0f}, BOARD_RANGE_G, 0};

void pskd_board_start(void) {}

void pskd_board_write(const char *text, int32_t length) {
  /* A class or "unknown" ends an inference. */
  const char *comma = strncmp(text, "activity,", 9) == 0 ? strchr(text + 9, ',') : NULL;
  if (comma != NULL && strncmp(comma, ",-2,", 4) != 0) clock_us += inference_us;
  serial_bytes += (uint64_t)length;
  if (baud > 0.0) clock_us += 1e7 * length / baud;
  (void)fwrite(text, 1, (size_t)length, stdout);
}

void pskd_board_wait(uint32_t microseconds) {
  ++wake_ups;
  clock_us += microseconds + wake_jitter_us * pskd_simulated_draw(&wake_random);
}

static int set_option(const char *argument) {
  const char *equals = strchr(argument, '=');
  char *end;
  size_t index;
  for (index = 0; equals != NULL && index < sizeof(options) / sizeof(options[0]); ++index) {
    const size_t length = (size_t)(equals - argument);
    if (strlen(options[index].name) != length) continue;
    if (strncmp(argument, options[index].name, length) != 0) continue;
    *options[index].value = strtod(equals + 1, &end);
    return end > equals + 1 && *end == '\0' && *options[index].value >= options[index].minimum &&
           *options[index].value <= options[index].maximum;
  }
  return 0;
}

/* Reads the recording; what is no line of numbers, such as a header, is left out. */
static int read_motion_file(const char *path) {
  FILE *file = fopen(path, "r");
  int32_t capacity = 0;
  char line[256];
  if (file == NULL) return 0;
  while (fgets(line, sizeof(line), file) != NULL) {
    double fields[4];
    char *end = line;
    int field;
    for (field = 0; field < 4; ++field) {
      char *begin = field == 0 ? line : end + 1;
      if (field > 0 && *end != ',') break;
      fields[field] = strtod(begin, &end);
      if (end == begin || !(fields[field] - fields[field] == 0.0)) break;
    }
    if (field < 4) continue;
    if (motion.count == capacity) {
      capacity = capacity == 0 ? 4096 : 2 * capacity;
      motion.times_us = realloc(motion.times_us, (size_t)capacity * sizeof(*motion.times_us));
      motion.values = realloc(motion.values, 3 * (size_t)capacity * sizeof(*motion.values));
      if (motion.times_us == NULL || motion.values == NULL) abort();
    }
    if (motion.count > 0) {
      fields[0] -= motion.period_us;
      if (fields[0] <= motion.times_us[motion.count - 1]) continue;
    } else {
      motion.period_us = fields[0];
      fields[0] = 0.0;
    }
    motion.times_us[motion.count] = fields[0];
    for (field = 0; field < 3; ++field) {
      motion.values[3 * motion.count + field] = (float)fields[field + 1];
    }
    ++motion.count;
  }
  (void)fclose(file);
  if (motion.count < 2) return 0;
  /* One more step to the first sample of the next turn. */
  motion.period_us = 2.0 * motion.times_us[motion.count - 1] - motion.times_us[motion.count - 2];
  return 1;
}

int main(int argc, char **argv) {
  int index;
  double end_us;
  for (index = 2; index < argc; ++index) {
    if (index == 2 && strchr(argv[index], '=') == NULL) {
      delivered = fopen(argv[index], "wb");
      if (delivered != NULL) continue;
    }
    if (!set_option(argv[index])) {
      (void)fprintf(stderr, "error: unknown name, value out of range, or no file: %s\n",
                    argv[index]);
      return 2;
    }
  }
  if (argc < 2 || !read_motion_file(argv[1])) {
    (void)fprintf(stderr, "error: no recording of two samples (lines time_us,x,y,z)\n");
    return 2;
  }
  wake_random = ~(uint64_t)chip_settings.seed;
  pskd_simulated_chip_start(&chip, &chip_settings, &motion, clock_us);
  pskd_application_setup();
  end_us = seconds * 1e6;
  while (clock_us < end_us) pskd_application_loop();
  /* The bus is dead from here on, so nothing is added. */
  while (clock_us < end_us + AFTER_US) {
    chip.next_us = 1e300;
    pskd_application_loop();
  }
  (void)fflush(stdout);
  if (delivered != NULL) (void)fclose(delivered);
  (void)fprintf(stderr, "seconds %.6f\n", clock_us / 1e6);
  (void)fprintf(stderr, "chip_samples %llu\n", (unsigned long long)chip.taken);
  (void)fprintf(stderr, "chip_lost %llu\n", (unsigned long long)chip.lost);
  (void)fprintf(stderr, "chip_overflows %llu\n", (unsigned long long)chip.overflows);
  (void)fprintf(stderr, "delivered_samples %llu\n", (unsigned long long)delivered_samples);
  (void)fprintf(stderr, "wake_ups %llu\n", (unsigned long long)wake_ups);
  (void)fprintf(stderr, "bus_bytes %llu\n", (unsigned long long)bus_bytes);
  (void)fprintf(stderr, "serial_bytes %llu\n", (unsigned long long)serial_bytes);
  if (filled != NULL) {
    (void)fprintf(stderr, "queue_lost %lu\n", (unsigned long)filled->lost);
    (void)fprintf(stderr, "queue_deepest %lu\n", (unsigned long)filled->deepest);
  }
  free(motion.times_us);
  free(motion.values);
  return 0;
}
