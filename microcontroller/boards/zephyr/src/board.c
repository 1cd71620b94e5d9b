/* The board file: any board of Zephyr's whose devicetree has an alias accel0. */
#include "activity_loop.h"
#include "application.h"
#include "board.h"
#include "sensor_fifo.h"

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
@six_axes@/* And rad/s. */
@six_axes@#define BOARD_UNITS_PER_DPS 0.0174532925f
@six_axes@/* The gyroscope's range in degrees per second. */
@six_axes@#define BOARD_RANGE_DPS 2000

/* Samples a second, if the driver can set them. */
#define BOARD_RATE_HZ 104

#if !DT_NODE_HAS_STATUS(DT_ALIAS(accel0), okay)
#error "The devicetree must have an enabled accelerometer with the alias accel0: see README.md"
#endif

static const struct device *const sensor = DEVICE_DT_GET(DT_ALIAS(accel0));

/* Stamps and thins the samples of a driver that tells when one is ready. */
static PskdSensorFifo fifo;
static volatile int is_triggered;

/* In the driver's thread, once for each sample of the sensor. */
static void on_ready(const struct device *device, const struct sensor_trigger *trigger) {
  ARG_UNUSED(device);
  ARG_UNUSED(trigger);
  pskd_application_sample();
}

static PskdAccelerometerStatus start(void) {
  /* Drivers keep the pointer. */
  static const struct sensor_trigger ready = {SENSOR_TRIG_DATA_READY, SENSOR_CHAN_ACCEL_XYZ};
@three_axes@  const struct sensor_value rate = {BOARD_RATE_HZ, 0}, off = {0, 0};
@three_axes@  struct sensor_value range;
@six_axes@  const struct sensor_value rate = {BOARD_RATE_HZ, 0};
@six_axes@  struct sensor_value range, turn_range;
  if (!device_is_ready(sensor)) return PSKD_ACCELEROMETER_FAILED;
  /* Drivers that are set up in the devicetree or by Kconfig alone refuse both. */
  sensor_g_to_ms2(BOARD_RANGE_G, &range);
  (void)sensor_attr_set(sensor, SENSOR_CHAN_ACCEL_XYZ, SENSOR_ATTR_SAMPLING_FREQUENCY, &rate);
  (void)sensor_attr_set(sensor, SENSOR_CHAN_ACCEL_XYZ, SENSOR_ATTR_FULL_SCALE, &range);
@three_axes@  /* A rate of 0 switches gyroscopes off, where there are some. */
@three_axes@  (void)sensor_attr_set(sensor, SENSOR_CHAN_GYRO_XYZ, SENSOR_ATTR_SAMPLING_FREQUENCY, &off);
@six_axes@  sensor_degrees_to_rad(BOARD_RANGE_DPS, &turn_range);
@six_axes@  (void)sensor_attr_set(sensor, SENSOR_CHAN_GYRO_XYZ, SENSOR_ATTR_SAMPLING_FREQUENCY, &rate);
@six_axes@  (void)sensor_attr_set(sensor, SENSOR_CHAN_GYRO_XYZ, SENSOR_ATTR_FULL_SCALE, &turn_range);
  pskd_sensor_fifo_start(&fifo, 1000000u / BOARD_RATE_HZ, PSKD_SAMPLE_US);
  /* Without the trigger in the driver, its Kconfig or the devicetree, samples are polled. */
  is_triggered = sensor_trigger_set(sensor, &ready, on_ready) == 0;
  /* An interrupt that waits already is answered by reading. */
  if (is_triggered) (void)sensor_sample_fetch(sensor);
  return PSKD_ACCELEROMETER_OK;
}

/* From cycles, since a tick may last 10 ms. Called more often than 32 bits of them wrap around, from
 * two threads.
 */
static uint32_t now_us(void) {
  static uint64_t cycles;
  static uint32_t before;
  const unsigned int key = irq_lock();
  const uint32_t now = k_cycle_get_32();
  uint64_t total;
  cycles += now - before;
  before = now;
  total = cycles;
  irq_unlock(key);
  return (uint32_t)k_cyc_to_us_floor64(total);
}

static PskdAccelerometerStatus collect(PskdSampleQueue *queue) {
  struct sensor_value values[3];
  float raw[PSKD_NUM_AXES];
  const uint32_t time_us = now_us();
  int axis;
  if (sensor_sample_fetch(sensor) < 0) return PSKD_ACCELEROMETER_FAILED;
  if (sensor_channel_get(sensor, SENSOR_CHAN_ACCEL_XYZ, values) < 0) {
    return PSKD_ACCELEROMETER_FAILED;
  }
  for (axis = 0; axis < 3; ++axis) raw[axis] = sensor_value_to_float(&values[axis]);
@six_axes@  if (sensor_channel_get(sensor, SENSOR_CHAN_GYRO_XYZ, values) < 0) {
@six_axes@    return PSKD_ACCELEROMETER_FAILED;
@six_axes@  }
@six_axes@  for (axis = 0; axis < 3; ++axis) raw[3 + axis] = sensor_value_to_float(&values[axis]);
  if (is_triggered) {
    pskd_sensor_fifo_begin(&fifo, time_us, 1);
    pskd_sensor_fifo_add(&fifo, raw, queue);
  } else {
    (void)pskd_sample_queue_add(queue, time_us, raw);
  }
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
    if (!is_triggered) pskd_application_sample();
  }
}

K_THREAD_DEFINE(sampler, 2048, sample_for_ever, NULL, NULL, NULL, K_PRIO_COOP(1), 0, 0);

const PskdAccelerometer pskd_board_accelerometer = {
@three_axes@    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G, 1};
@six_axes@    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G, BOARD_UNITS_PER_DPS},
@six_axes@    BOARD_RANGE_G, 1};

/* The console is set up before main. */
void pskd_board_start(void) {}

void pskd_board_write(const char *text, int32_t length) { printk("%.*s", (int)length, text); }

void pskd_board_wait(uint32_t microseconds) { (void)k_usleep((int32_t)microseconds); }
