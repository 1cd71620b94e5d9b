/* Stamps for the samples of a sensor's FIFO, thinned out to the model's rate.
 *
 * A FIFO holds samples without times. What is known is when its newest sample was taken (the
 * interrupt, or when the level was read) and how many came since the batch before: the stamps are
 * counted back from the newest one, evenly to the batch before, or in the sensor's nominal period
 * after a start or a loss. Of a faster sensor the samples nearest to the model's grid are added.
 * C99, no heap, no static state. The rule is ours.
 */
#ifndef PSKD_SENSOR_FIFO_H_
#define PSKD_SENSOR_FIFO_H_

#include <stdint.h>

#include "sample_queue.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Its fields are the FIFO's own. */
typedef struct {
  uint32_t period_us; /* of the sensor */
  uint32_t wanted_us; /* of the model */
  uint32_t step_us;   /* from one sample of this batch to the next */
  uint32_t next_us;   /* stamp of its next sample */
  uint32_t newest_us; /* stamp of the sample before */
  uint32_t due_us;    /* the next point of the model's grid */
  int thins;
  int started;
} PskdSensorFifo;

/* period_us: the sensor's nominal one. wanted_us: the model's; nothing is left out of a sensor that
 * is not a third faster.
 */
void pskd_sensor_fifo_start(PskdSensorFifo *fifo, uint32_t period_us, uint32_t wanted_us);

/* Begins a batch.
 *
 * newest_us: when the newest of its samples was taken.
 * count: samples that it has, at least 1; fewer may be added, then the others are of the next one.
 */
void pskd_sensor_fifo_begin(PskdSensorFifo *fifo, uint32_t newest_us, int32_t count);

/* Adds the next sample of the batch, oldest first, to the queue if the model wants it. */
void pskd_sensor_fifo_add(PskdSensorFifo *fifo, const float *raw, PskdSampleQueue *queue);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_SENSOR_FIFO_H_ */
