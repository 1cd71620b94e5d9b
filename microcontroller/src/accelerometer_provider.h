/* What a board gives the application: samples with time stamps. A board file fills the struct.
 *
 * C99.
 */
#ifndef PSKD_ACCELEROMETER_PROVIDER_H_
#define PSKD_ACCELEROMETER_PROVIDER_H_

#include <stdint.h>

#include "axis_map.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
  PSKD_ACCELEROMETER_OK = 0,
  PSKD_ACCELEROMETER_NO_SAMPLE = 1, /* nothing new yet */
  PSKD_ACCELEROMETER_FAILED = 2     /* no answer, or another chip's */
} PskdAccelerometerStatus;

typedef struct {
  /* Sets up bus and sensor; called again after a failure. Must not wait long. */
  PskdAccelerometerStatus (*start)(void);
  /* The newest sample, raw: (3) in the sensor's axes and units, and when it was taken. */
  PskdAccelerometerStatus (*read)(uint32_t *time_us, float *raw);
  /* A clock in microseconds that may wrap around. */
  uint32_t (*now_us)(void);
  PskdAxisMap axes;
  float range_g; /* largest value that the sensor is set to */
} PskdAccelerometer;

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACCELEROMETER_PROVIDER_H_ */
