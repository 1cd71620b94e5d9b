/* A simulated LSM6DSO that moves as a recording says, seen through its registers.
 *
 * It has what i2c_accelerometer.c uses: identity, range, FIFO. Its clock drifts, it has noise and
 * loses samples. All draws follow from a seed. Ours; C99, for a host.
 */
#ifndef PSKD_SIMULATED_CHIP_H_
#define PSKD_SIMULATED_CHIP_H_

#include <stdint.h>

/* The chip's FIFO holds so many words of a tag and x, y, z. */
#define PSKD_CHIP_FIFO_WORDS 512

typedef struct {
  double seed;
  double drift_percent;    /* its clock is so much too fast, or below 0 too slow */
  double drift_period_s;   /* from one drift to the other and back, as a cosine; 0: constant */
  double sample_jitter_us; /* standard deviation of the time of a sample */
  double loss_percent;     /* share of the samples that never reach the FIFO */
  double noise_g;          /* standard deviation on each axis */
  double outages_an_hour;  /* times at which the bus does not answer, on average */
  double outage_s;         /* how long each lasts */
} PskdChipSettings;

/* The acceleration over time; it begins again after its end. */
typedef struct {
  double *times_us; /* (count), increasing */
  float *values;    /* (count, 3) x, y, z of the sensor in g */
  int32_t count;    /* at least 2 */
  double period_us; /* from the first sample to its next turn */
} PskdChipMotion;

/* Its fields are the chip's own; the last three are counts to be read. */
typedef struct {
  PskdChipSettings settings;
  const PskdChipMotion *motion;
  uint64_t random;
  double next_us;   /* when it takes its next sample, by the board's clock */
  double turn_us;   /* when the recording began its turn */
  int32_t place;    /* in the recording: the sample before next_us */
  double outage_us; /* when the next outage begins */
  int is_on;        /* rate and range were set */
  int fills;        /* the FIFO is not bypassed */
  int overflowed;
  double units_per_g;
  uint8_t words[PSKD_CHIP_FIFO_WORDS][7];
  int32_t first, level, byte; /* oldest word, words that wait, bytes of the oldest that were read */
  uint64_t taken, lost, overflows;
} PskdSimulatedChip;

/* motion outlives the chip. start_us: the board's clock. */
void pskd_simulated_chip_start(PskdSimulatedChip *chip, const PskdChipSettings *settings,
                               const PskdChipMotion *motion, double start_us);

/* A register, at a time of the board's clock. Each returns 1, or 0 during an outage. */
int pskd_simulated_chip_write(PskdSimulatedChip *chip, double now_us, uint8_t address,
                              uint8_t value);
int pskd_simulated_chip_read(PskdSimulatedChip *chip, double now_us, uint8_t address,
                             uint8_t *bytes, int32_t count);

/* Evenly drawn from 0 to 1, 1 excluded. */
double pskd_simulated_draw(uint64_t *random);

#endif /* PSKD_SIMULATED_CHIP_H_ */
