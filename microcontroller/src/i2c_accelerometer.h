/* Registers of accelerometers behind I2C: what to write to them and how to read their bytes.
 *
 * C99, no heap, no static state, no bus: the board file moves the bytes. Values are of the
 * makers' register maps: MPU-6000/MPU-6050 (RM-MPU-6000A, revision 4.2); LSM6DS3, LSM6DSL,
 * LSM6DSO, LSM6DSOX (ST).
 */
#ifndef PSKD_I2C_ACCELEROMETER_H_
#define PSKD_I2C_ACCELEROMETER_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum { PSKD_MPU6050 = 0, PSKD_LSM6 = 1 } PskdI2cSensor;

#define PSKD_I2C_SETUP_WRITES 4

typedef struct {
  PskdI2cSensor sensor;
  uint8_t address;       /* 7 bits, with its address pin low */
  uint8_t identity;      /* register that names the chip */
  uint8_t data;          /* first of six registers of x, y, z */
  int32_t num_setup;     /* writes of `setup` */
  uint8_t setup[PSKD_I2C_SETUP_WRITES][2]; /* register and value, in this order */
  float units_per_g;     /* least significant bits */
} PskdI2cAccelerometer;

/* Describes a sensor set to a range, at about 100 samples a second, low-passed below 25 Hz by the
 * MPU-6050 and below 52 Hz by the LSM6.
 *
 * range_g: 2, 4, 8 or 16. Returns 1, or 0 for another range.
 */
int pskd_i2c_accelerometer(PskdI2cSensor sensor, int32_t range_g,
                           PskdI2cAccelerometer *description);

/* 1 if the value of the identity register is one of this sensor's family; else 0. */
int pskd_i2c_accelerometer_is(const PskdI2cAccelerometer *description, uint8_t identity);

/* bytes: (6) from `data` on. raw: receives x, y, z in least significant bits. */
void pskd_i2c_accelerometer_decode(const PskdI2cAccelerometer *description, const uint8_t *bytes,
                                   float *raw);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_I2C_ACCELEROMETER_H_ */
