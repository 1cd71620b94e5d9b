#include "chip.h"

#include <math.h>
#include <string.h>

/* Of ST's data sheet DS12140 (LSM6DSO). */
#define WHO_AM_I 0x0F
#define WHO_AM_I_VALUE 0x6C
#define FIFO_CTRL4 0x0A
#define CTRL1_XL 0x10
#define FIFO_STATUS1 0x3A
#define FIFO_DATA_OUT_TAG 0x78
#define TAG_ACCELEROMETER 0x10
#define PERIOD_US (1e6 / 104.0)
#define TWO_PI 6.283185307179586

double pskd_simulated_draw(uint64_t *random) {
  /* splitmix64, of Steele, Lea and Flood (2014). */
  uint64_t mixed = (*random += 0x9E3779B97F4A7C15u);
  mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9u;
  mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EBu;
  return (double)((mixed ^ (mixed >> 31)) >> 11) / 9007199254740992.0;
}

/* Of mean 0 and standard deviation 1: a sum of 12, which is near enough to a normal one. */
static double draw_normal(uint64_t *random) {
  double sum = -6.0;
  int index;
  for (index = 0; index < 12; ++index) sum += pskd_simulated_draw(random);
  return sum;
}

/* When the outage after a time begins: the waits are exponential. */
static double next_outage(PskdSimulatedChip *chip, double after_us) {
  const double an_hour = chip->settings.outages_an_hour;
  if (an_hour <= 0.0) return INFINITY;
  return after_us - 3.6e9 / an_hour * log(1.0 - pskd_simulated_draw(&chip->random));
}

void pskd_simulated_chip_start(PskdSimulatedChip *chip, const PskdChipSettings *settings,
                               const PskdChipMotion *motion, double start_us) {
  memset(chip, 0, sizeof(*chip));
  chip->settings = *settings;
  chip->motion = motion;
  chip->random = (uint64_t)settings->seed;
  chip->next_us = start_us + PERIOD_US * pskd_simulated_draw(&chip->random);
  chip->turn_us = start_us;
  chip->outage_us = next_outage(chip, start_us);
  chip->units_per_g = 1.0;
}

/* The recording between its samples; times only grow. values: receives x, y, z in g. */
static void read_motion(PskdSimulatedChip *chip, double time_us, double *values) {
  const PskdChipMotion *motion = chip->motion;
  double after_us, share;
  int32_t next;
  int axis;
  while (time_us - chip->turn_us >= motion->period_us) {
    chip->turn_us += motion->period_us;
    chip->place = 0;
  }
  time_us -= chip->turn_us;
  while (chip->place + 1 < motion->count && motion->times_us[chip->place + 1] <= time_us) {
    ++chip->place;
  }
  next = (chip->place + 1) % motion->count;
  after_us = next == 0 ? motion->period_us : motion->times_us[next];
  share = (time_us - motion->times_us[chip->place]) / (after_us - motion->times_us[chip->place]);
  for (axis = 0; axis < 3; ++axis) {
    const double before = motion->values[3 * chip->place + axis];
    values[axis] = before + share * (motion->values[3 * next + axis] - before);
  }
}

/* Puts a sample into the FIFO, in place of the oldest one if it is full. */
static void keep(PskdSimulatedChip *chip, const double *values) {
  uint8_t *word;
  int axis;
  if (chip->level == PSKD_CHIP_FIFO_WORDS) {
    chip->first = (chip->first + 1) % PSKD_CHIP_FIFO_WORDS;
    --chip->level;
    if (!chip->overflowed) ++chip->overflows;
    chip->overflowed = 1;
  }
  word = chip->words[(chip->first + chip->level++) % PSKD_CHIP_FIFO_WORDS];
  word[0] = TAG_ACCELEROMETER;
  for (axis = 0; axis < 3; ++axis) {
    double counts = floor(values[axis] * chip->units_per_g + 0.5);
    uint16_t bits;
    if (counts > 32767.0) counts = 32767.0;
    if (counts < -32768.0) counts = -32768.0;
    bits = (uint16_t)(int16_t)counts;
    word[1 + 2 * axis] = (uint8_t)(bits & 0xFFu);
    word[2 + 2 * axis] = (uint8_t)(bits >> 8);
  }
}

/* Takes the samples that are due by now. */
static void advance(PskdSimulatedChip *chip, double now_us) {
  const PskdChipSettings *settings = &chip->settings;
  while (chip->next_us <= now_us) {
    const double period_us = settings->drift_period_s * 1e6;
    const double phase = period_us > 0.0 ? cos(TWO_PI * chip->next_us / period_us) : 1.0;
    double at_us = chip->next_us + settings->sample_jitter_us * draw_normal(&chip->random);
    double values[3];
    int axis;
    if (at_us < chip->turn_us) at_us = chip->turn_us;
    read_motion(chip, at_us, values);
    for (axis = 0; axis < 3; ++axis) values[axis] += settings->noise_g * draw_normal(&chip->random);
    chip->next_us += PERIOD_US / (1.0 + settings->drift_percent / 100.0 * phase);
    if (!chip->is_on || !chip->fills) continue;
    ++chip->taken;
    if (100.0 * pskd_simulated_draw(&chip->random) < settings->loss_percent) {
      ++chip->lost;
    } else {
      keep(chip, values);
    }
  }
}

/* Whether the bus answers. */
static int answers(PskdSimulatedChip *chip, double now_us) {
  if (now_us < chip->outage_us) return 1;
  if (now_us < chip->outage_us + chip->settings.outage_s * 1e6) return 0;
  chip->outage_us = next_outage(chip, now_us);
  return 1;
}

int pskd_simulated_chip_write(PskdSimulatedChip *chip, double now_us, uint8_t address,
                              uint8_t value) {
  /* In mg per bit, by the two bits of the range: 2, 16, 4 and 8 g. */
  static const double mg[4] = {0.061, 0.488, 0.122, 0.244};
  advance(chip, now_us);
  if (!answers(chip, now_us)) return 0;
  if (address == CTRL1_XL) {
    chip->is_on = value >> 4 == 4; /* 104 Hz */
    chip->units_per_g = 1000.0 / mg[value >> 2 & 3];
  } else if (address == FIFO_CTRL4) {
    chip->fills = (value & 7) == 6; /* the newest are kept; 0 empties it */
    if (!chip->fills) chip->level = chip->byte = chip->overflowed = 0;
  }
  return 1;
}

int pskd_simulated_chip_read(PskdSimulatedChip *chip, double now_us, uint8_t address,
                             uint8_t *bytes, int32_t count) {
  int32_t index;
  advance(chip, now_us);
  if (!answers(chip, now_us)) return 0;
  for (index = 0; index < count; ++index) {
    if (address == FIFO_DATA_OUT_TAG) {
      bytes[index] = chip->level > 0 ? chip->words[chip->first][chip->byte++] : 0u;
      if (chip->byte < 7) continue;
      chip->byte = 0;
      chip->first = (chip->first + 1) % PSKD_CHIP_FIFO_WORDS;
      --chip->level;
    } else {
      const int32_t at = address + index;
      bytes[index] = 0u;
      if (at == WHO_AM_I) bytes[index] = WHO_AM_I_VALUE;
      if (at == FIFO_STATUS1) bytes[index] = (uint8_t)(chip->level & 0xFF);
      if (at == FIFO_STATUS1 + 1) {
        bytes[index] = (uint8_t)(chip->level >> 8 | (chip->overflowed ? 0x40 : 0));
      }
    }
  }
  return 1;
}
