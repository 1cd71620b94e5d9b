/* What a board gives the application: samples with time stamps. A board file fills the struct.
 *
 * C99.
 */
#ifndef PSKD_ACCELEROMETER_PROVIDER_H_
#define PSKD_ACCELEROMETER_PROVIDER_H_

#include <stdint.h>

#include "axis_map.h"
#include "sample_queue.h"

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
  /* Adds what is new to the queue, oldest first: the newest sample, or all of a sensor's FIFO.
   * Stamps say when a sample was taken, by the clock below, not when it was read.
   */
  PskdAccelerometerStatus (*collect)(PskdSampleQueue *queue);
  /* A clock in microseconds that may wrap around. */
  uint32_t (*now_us)(void);
  PskdAxisMap axes;
  float range_g; /* largest value that the sensor is set to */
  /* 1 if an interrupt, a timer or a thread calls pskd_activity_loop_sample, which calls collect
   * while the model runs, too; 0 if the loop itself does, once for each sample's time. With 0 a
   * sensor without FIFO is not read during an inference.
   */
  int collects_apart;
} PskdAccelerometer;

#ifdef __cplusplus
}
#endif

#endif /* PSKD_ACCELEROMETER_PROVIDER_H_ */
