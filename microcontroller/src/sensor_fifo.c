#include "sensor_fifo.h"

#include <string.h>

void pskd_sensor_fifo_start(PskdSensorFifo *fifo, uint32_t period_us, uint32_t wanted_us) {
  memset(fifo, 0, sizeof(*fifo));
  fifo->period_us = period_us;
  fifo->wanted_us = wanted_us;
  /* Of a sensor of about the model's rate every sample is wanted, however late it is read. */
  fifo->thins = period_us < wanted_us - wanted_us / 4u;
}

void pskd_sensor_fifo_begin(PskdSensorFifo *fifo, uint32_t newest_us, int32_t count) {
  const uint32_t samples = (uint32_t)count, elapsed_us = newest_us - fifo->newest_us;
  /* A quarter for a sensor's clock, and a sample for the time at which the level was read. */
  const uint32_t longest_us = (samples + 1u) * (fifo->period_us + fifo->period_us / 4u);
  const int is_next = fifo->started && elapsed_us <= longest_us;
  fifo->step_us = is_next ? elapsed_us / samples : fifo->period_us;
  fifo->next_us = newest_us - (samples - 1u) * fifo->step_us;
  if (!fifo->started) fifo->due_us = fifo->next_us;
  fifo->started = 1;
}

void pskd_sensor_fifo_add(PskdSensorFifo *fifo, const float *raw, PskdSampleQueue *queue) {
  const uint32_t time_us = fifo->next_us, tolerance_us = fifo->wanted_us / 4u;
  fifo->newest_us = time_us;
  fifo->next_us += fifo->step_us;
  /* Early, and not so early that the clock went back. */
  if (fifo->thins && fifo->due_us - time_us > tolerance_us &&
      fifo->due_us - time_us <= fifo->wanted_us + tolerance_us) {
    return;
  }
  /* From when it was due, not from this sample: the rate is the model's. */
  fifo->due_us += fifo->wanted_us;
  if (fifo->due_us - time_us > fifo->wanted_us + tolerance_us) {
    fifo->due_us = time_us + fifo->wanted_us;
  }
  (void)pskd_sample_queue_add(queue, time_us, raw);
}
