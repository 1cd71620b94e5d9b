/* The activity loop on a core that SysTick interrupts for each sample, as on a board with a timer.
 *
 * QEMU's -icount makes the core as slow as wanted, so that an inference lasts longer than a gap.
 * With COLLECTS_APART 0 the loop alone reads the sensor, between two inferences. Lines of the serial
 * protocol without samples, then `name value`. Exit status: 0, or 2 if there is no recording.
 */
#include "activity_loop.h"
#include "platform.h"
#include "print_report.h"
#include "recording.h"

#ifndef COLLECTS_APART
#define COLLECTS_APART 1
#endif

#define SYSTICK_CONTROL (*(volatile uint32_t *)0xE000E010u)
#define SYSTICK_RELOAD (*(volatile uint32_t *)0xE000E014u)
#define SYSTICK_VALUE (*(volatile uint32_t *)0xE000E018u)
#define TICKS_PER_US (SYSTICK_HZ / 1000000u)
#define TICKS_PER_SAMPLE (PSKD_SAMPLE_US * TICKS_PER_US)

void systick_handler(void);

static PskdActivityLoop loop;
static volatile RecordedSample newest;
static volatile uint32_t taken_samples; /* and so many periods have passed */
static volatile int has_new, has_ended;

/* The sensor: it has one sample, the newest, and its time. */
static PskdAccelerometerStatus collect(PskdSampleQueue *queue) {
  float raw[PSKD_NUM_AXES];
  int axis;
  if (!has_new) return PSKD_ACCELEROMETER_NO_SAMPLE;
  for (axis = 0; axis < PSKD_NUM_AXES; ++axis) raw[axis] = newest.values[axis];
  has_new = 0;
  (void)pskd_sample_queue_add(queue, taken_samples * PSKD_SAMPLE_US, raw);
  return PSKD_ACCELEROMETER_OK;
}

void systick_handler(void) {
  RecordedSample sample;
  if (has_ended) return;
  if (!read_sample(&sample)) {
    has_ended = 1;
    return;
  }
  newest = sample;
  ++taken_samples;
  has_new = 1;
  if (COLLECTS_APART) (void)pskd_activity_loop_sample(&loop);
}

static PskdAccelerometerStatus start(void) { return PSKD_ACCELEROMETER_OK; }

static uint32_t now_us(void) {
  uint32_t samples, ticks;
  /* Again if the interrupt came in between. */
  do {
    samples = taken_samples;
    ticks = TICKS_PER_SAMPLE - 1u - SYSTICK_VALUE;
  } while (samples != taken_samples);
  return samples * PSKD_SAMPLE_US + ticks / TICKS_PER_US;
}

static void write(const char *text, int32_t length) {
  char line[161];
  memcpy(line, text, (size_t)length);
  line[length] = '\0';
  platform_print(line);
}

#if PSKD_NUM_AXES == 6
#define UNITS 1.0f, 1.0f
#else
#define UNITS 1.0f
#endif

static const PskdAccelerometer accelerometer = {
    start, collect, now_us, {{0, 1, 2}, {1, 1, 1}, UNITS}, 8.0f, COLLECTS_APART};

int main(int argc, char **argv) {
  PskdLoopSettings settings;
  RecordingHeader header;
  uint32_t longest_us = 0;
  if (!open_recording(argc, argv, &header)) {
    platform_print("error: no recording\n");
    return 2;
  }
  memset(&settings, 0, sizeof(settings));
  settings.recognizer = settings_of(&header);
  settings.silence_us = 500000u;
  SYSTICK_RELOAD = TICKS_PER_SAMPLE - 1u;
  SYSTICK_VALUE = 0u;
  pskd_activity_loop_start(&loop, &settings, &accelerometer, write, "0");
  SYSTICK_CONTROL = 7u; /* the core's clock, counting, with interrupt */
  while (!has_ended || pskd_sample_queue_depth(&loop.queue) > 0u) {
    const uint32_t start_us = now_us();
    const PskdRecognizerEvent event = pskd_activity_loop_step(&loop);
    const uint32_t step_us = now_us() - start_us;
    if (step_us > longest_us) longest_us = step_us;
    if (event == PSKD_RECOGNIZER_WAITING) __asm__ volatile("wfi");
  }
  print_number("samples", taken_samples);
  print_number("samples_lost", loop.queue.lost);
  print_number("samples_waiting", loop.queue.deepest);
  print_number("windows_skipped", (uint32_t)loop.skipped);
  print_number("longest_step_us", longest_us);
  print_number("loop_bytes", sizeof(loop));
  return 0;
}
