#include "sample_queue.h"

#define PLACE(count) ((count) & (PSKD_QUEUE_SAMPLES - 1u))

void pskd_sample_queue_start(PskdSampleQueue *queue) {
  queue->added = 0u;
  queue->lost = 0u;
  queue->taken = 0u;
  queue->deepest = 0u;
}

int pskd_sample_queue_add(PskdSampleQueue *queue, uint32_t time_us, const float *raw) {
  const uint32_t added = queue->added;
  volatile PskdStampedSample *place = &queue->samples[PLACE(added)];
  int axis;
  if (added - queue->taken >= PSKD_QUEUE_SAMPLES) {
    ++queue->lost;
    return 0;
  }
  /* The place is written after it was seen to be free, and counted after it was written. */
  PSKD_MEMORY_BARRIER();
  place->time_us = time_us;
  for (axis = 0; axis < PSKD_NUM_AXES; ++axis) place->raw[axis] = raw[axis];
  PSKD_MEMORY_BARRIER();
  queue->added = added + 1u;
  return 1;
}

int pskd_sample_queue_take(PskdSampleQueue *queue, PskdStampedSample *sample) {
  const uint32_t taken = queue->taken, depth = pskd_sample_queue_depth(queue);
  const volatile PskdStampedSample *place = &queue->samples[PLACE(taken)];
  int axis;
  if (depth == 0u) return 0;
  if (depth > queue->deepest) queue->deepest = depth;
  PSKD_MEMORY_BARRIER();
  sample->time_us = place->time_us;
  for (axis = 0; axis < PSKD_NUM_AXES; ++axis) sample->raw[axis] = place->raw[axis];
  PSKD_MEMORY_BARRIER();
  queue->taken = taken + 1u;
  return 1;
}

uint32_t pskd_sample_queue_depth(const PskdSampleQueue *queue) {
  return queue->added - queue->taken;
}
