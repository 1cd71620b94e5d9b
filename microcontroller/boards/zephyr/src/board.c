/* The board file: any board of Zephyr's whose devicetree has an alias accel0. */
#include "activity_loop.h"
#include "application.h"
#include "board.h"

#include <zephyr/device.h>
#include <zephyr/drivers/sensor.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

/* For x, y, z of the wrist that the model was trained on: the sensor's axis (0 is x, 1 is y, 2 is
 * z) and its sign. `python -m pskd_tf.monitor --port=PORT --check_axes` says what they must be.
 */
#define BOARD_AXES {@AXES@}
#define BOARD_SIGNS {@SIGNS@}
/* The sensor's range in g. UTD-MHAD was recorded with 8. */
#define BOARD_RANGE_G 8
/* Zephyr's sensors read m/s^2. */
#define BOARD_UNITS_PER_G 9.80665f

static const struct device *const sensor = DEVICE_DT_GET(DT_ALIAS(accel0));

static PskdAccelerometerStatus start(void) {
  const struct sensor_value rate = {104, 0};
  struct sensor_value range;
  if (!device_is_ready(sensor)) return PSKD_ACCELEROMETER_FAILED;
  /* Drivers that are set up in the devicetree or by Kconfig alone refuse both. */
  sensor_g_to_ms2(BOARD_RANGE_G, &range);
  (void)sensor_attr_set(sensor, SENSOR_CHAN_ACCEL_XYZ, SENSOR_ATTR_SAMPLING_FREQUENCY, &rate);
  (void)sensor_attr_set(sensor, SENSOR_CHAN_ACCEL_XYZ, SENSOR_ATTR_FULL_SCALE, &range);
  return PSKD_ACCELEROMETER_OK;
}

static uint32_t now_us(void) {
  return (uint32_t)k_ticks_to_us_floor64((uint64_t)k_uptime_ticks());
}

static PskdAccelerometerStatus collect(PskdSampleQueue *queue) {
  struct sensor_value values[3];
  float raw[3];
  uint32_t time_us;
  int axis;
  if (sensor_sample_fetch(sensor) < 0) return PSKD_ACCELEROMETER_FAILED;
  time_us = now_us();
  if (sensor_channel_get(sensor, SENSOR_CHAN_ACCEL_XYZ, values) < 0) {
    return PSKD_ACCELEROMETER_FAILED;
  }
  for (axis = 0; axis < 3; ++axis) raw[axis] = sensor_value_to_float(&values[axis]);
  (void)pskd_sample_queue_add(queue, time_us, raw);
  return PSKD_ACCELEROMETER_OK;
}

/* Reads the sensor while the model runs in main, too: the thread comes before main's, and the timer
 * does not add up lateness.
 */
K_TIMER_DEFINE(sample_timer, NULL, NULL);

static void sample_for_ever(void *first, void *second, void *third) {
  ARG_UNUSED(first);
  ARG_UNUSED(second);
  ARG_UNUSED(third);
  k_timer_start(&sample_timer, K_USEC(PSKD_SAMPLE_US), K_USEC(PSKD_SAMPLE_US));
  for (;;) {
    (void)k_timer_status_sync(&sample_timer);
    pskd_application_sample();
  }
}

K_THREAD_DEFINE(sampler, 2048, sample_for_ever, NULL, NULL, NULL, K_PRIO_COOP(1), 0, 0);

const PskdAccelerometer pskd_board_accelerometer = {
    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G, 1};

/* The console is set up before main. */
void pskd_board_start(void) {}

void pskd_board_write(const char *text, int32_t length) { printk("%.*s", (int)length, text); }

void pskd_board_wait(uint32_t microseconds) { (void)k_usleep((int32_t)microseconds); }
