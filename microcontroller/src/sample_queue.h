/* Stamped samples on their way from whoever reads the sensor to whoever recognizes.
 *
 * One producer (an interrupt, a timer, a thread, or the loop itself) adds and one consumer takes;
 * neither waits for the other and there is no lock. A sample that finds the queue full is counted
 * as lost and left out: the stamps then have a gap. C99, no heap, no static state.
 *
 * Order of memory accesses: each counter has one writer, and is written after the sample that it
 * stands for was written or read. Everything that both sides touch is volatile, so that no compiler
 * changes this order; an interrupt on the same core needs no more. Cores that reorder, or two
 * cores, need PSKD_MEMORY_BARRIER too, which is the compiler's own for gcc and clang (dmb, memw,
 * fence); define it for another compiler. An aligned load or store of 32 bits must be atomic, as it
 * is on every Cortex-M, Xtensa and RISC-V core.
 */
#ifndef PSKD_SAMPLE_QUEUE_H_
#define PSKD_SAMPLE_QUEUE_H_

#include <stdint.h>

#include "sensor_axes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A power of two; 64 hold 1.28 s at 50 Hz, in 1 kB, of six axes in 1.8 kB. The longest inference
 * must fit.
 */
#ifndef PSKD_QUEUE_SAMPLES
#define PSKD_QUEUE_SAMPLES 64
#endif

#if PSKD_QUEUE_SAMPLES < 2 || (PSKD_QUEUE_SAMPLES & (PSKD_QUEUE_SAMPLES - 1)) != 0
#error "PSKD_QUEUE_SAMPLES must be a power of two"
#endif

#ifndef PSKD_MEMORY_BARRIER
#if defined(__GNUC__)
#define PSKD_MEMORY_BARRIER() __sync_synchronize()
#else
#define PSKD_MEMORY_BARRIER()
#endif
#endif

typedef struct {
  uint32_t time_us; /* when the sample was taken, by the provider's clock; it may wrap around */
  float raw[PSKD_NUM_AXES]; /* in the sensor's axes and units */
} PskdStampedSample;

typedef struct {
  volatile PskdStampedSample samples[PSKD_QUEUE_SAMPLES];
  volatile uint32_t added; /* since the start; the producer's, as the next one is */
  volatile uint32_t lost;  /* samples that found the queue full */
  volatile uint32_t taken; /* the consumer's, as the next one is */
  uint32_t deepest;        /* most samples that waited at a time */
} PskdSampleQueue;

/* Empties the queue; neither side may be at work. */
void pskd_sample_queue_start(PskdSampleQueue *queue);

/* The producer's: adds a sample. Returns 0 if the queue is full. */
int pskd_sample_queue_add(PskdSampleQueue *queue, uint32_t time_us, const float *raw);

/* The consumer's: takes the oldest sample. Returns 0 if there is none. */
int pskd_sample_queue_take(PskdSampleQueue *queue, PskdStampedSample *sample);

/* The consumer's: samples that wait. */
uint32_t pskd_sample_queue_depth(const PskdSampleQueue *queue);

#ifdef __cplusplus
}
#endif

#endif /* PSKD_SAMPLE_QUEUE_H_ */
