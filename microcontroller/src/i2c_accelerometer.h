/* Accelerometers behind I2C: MPU-6050 and LSM6, read through their FIFO; for a model with six axes
 * their gyroscopes, too, set to 2000 degrees per second.
 *
 * The FIFO holds what comes while the model runs: 170 samples or more (85 of an MPU-6500), of six axes
 * half as many, at about 100 a second. C99, no heap, no static state; the board file moves the bytes. Values are of the
 * makers' register maps: MPU-6000/MPU-6050 (RM-MPU-6000A, revision 4.2); LSM6DS3, LSM6DSL,
 * LSM6DSO, LSM6DSOX (ST).
 */
#ifndef PSKD_I2C_ACCELEROMETER_H_
#define PSKD_I2C_ACCELEROMETER_H_

#include <stdint.h>

#include "accelerometer_provider.h"
#include "sensor_fifo.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PSKD_MPU6050 = 0, PSKD_LSM6 = 1 } PskdI2cSensor;

/* What a board file provides. Addresses have 7 bits. Each returns 1 if it went well. */
typedef struct {
  int (*write)(uint8_t address, uint8_t first, uint8_t value);
  /* count: at most PSKD_I2C_READ_BYTES. */
  int (*read)(uint8_t address, uint8_t first, uint8_t *bytes, int32_t count);
  uint32_t (*now_us)(void);
} PskdI2cBus;

#define PSKD_I2C_READ_BYTES 112
#define PSKD_I2C_SETUP_WRITES 10

typedef struct {
  PskdI2cSensor sensor;
  uint8_t address;       /* 7 bits, with its address pin low */
  uint8_t identity;      /* register that names the chip */
  uint8_t level;         /* first of two registers: how much the FIFO holds */
  uint8_t data;          /* the FIFO's */
  int32_t word_bytes;    /* of a word in the FIFO; of six axes without tags, both sensors' values */
  int32_t sample_words;  /* of a sample */
  int32_t num_setup;     /* writes of `setup` */
  uint8_t setup[PSKD_I2C_SETUP_WRITES][2]; /* register and value, in this order */
  uint32_t period_us;    /* nominal, from sample to sample */
  float units_per_g;     /* least significant bits */
#if PSKD_NUM_AXES == 6
  float units_per_dps;   /* of the gyroscope */
#endif
  float raw[PSKD_NUM_AXES]; /* of words read so far of a sample */
  uint8_t tags[2];       /* of the acceleration's and of the gyroscope's word among them */
  PskdSensorFifo fifo;
} PskdI2cAccelerometer;

/* Describes a sensor set to a range, at about 100 samples a second, low-passed below 25 Hz by the
 * MPU-6050 and below 52 Hz by the LSM6.
 *
 * range_g: 2, 4, 8 or 16. Returns 1, or 0 for another range.
 */
int pskd_i2c_accelerometer(PskdI2cSensor sensor, int32_t range_g,
                           PskdI2cAccelerometer *accelerometer);

/* Completes the description for the chip that answers: the FIFO's registers differ within a family.
 *
 * identity: value of the identity register. Returns 1, or 0 for a chip that is not of the family.
 */
int pskd_i2c_accelerometer_identify(PskdI2cAccelerometer *accelerometer, uint8_t identity);

/* bytes: (2) from `level` on. Returns the samples in the FIFO, or -1 if it overflowed. */
int32_t pskd_i2c_accelerometer_level(const PskdI2cAccelerometer *accelerometer,
                                     const uint8_t *bytes);

/* Takes a word of the FIFO.
 *
 * bytes: (word_bytes). Returns 1 if a sample is complete: `raw` then holds it in least significant
 * bits. Words with tags make a sample only with one of the other sensor from the same time.
 */
int pskd_i2c_accelerometer_decode(PskdI2cAccelerometer *accelerometer, const uint8_t *bytes);

/* Finds the chip, sets it up and empties its FIFO; for `start` of a PskdAccelerometer.
 *
 * address: 7 bits; 0 for the chip's own with its address pin low, 0x68 or 0x6A.
 * wanted_us: the model's time from sample to sample.
 */
PskdAccelerometerStatus pskd_i2c_accelerometer_start(PskdI2cAccelerometer *accelerometer,
                                                     const PskdI2cBus *bus, PskdI2cSensor sensor,
                                                     uint8_t address, int32_t range_g,
                                                     uint32_t wanted_us);

/* Adds what the FIFO holds to the queue, in g and degrees per second; what the queue has no room for stays in the FIFO.
 * For `collect` of a PskdAccelerometer. A FIFO that overflowed is a failure: starting empties it.
 */
PskdAccelerometerStatus pskd_i2c_accelerometer_collect(PskdI2cAccelerometer *accelerometer,
                                                       const PskdI2cBus *bus,
                                                       PskdSampleQueue *queue);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_I2C_ACCELEROMETER_H_ */
