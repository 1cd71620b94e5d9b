/* Stub: Zephyr 4.0. */
#ifndef ZEPHYR_DRIVERS_SENSOR_H_
#define ZEPHYR_DRIVERS_SENSOR_H_

#include <stdint.h>

#include <zephyr/device.h>

struct sensor_value {
  int32_t val1;
  int32_t val2;
};

enum sensor_channel { SENSOR_CHAN_ACCEL_X, SENSOR_CHAN_ACCEL_Y, SENSOR_CHAN_ACCEL_Z,
                      SENSOR_CHAN_ACCEL_XYZ, SENSOR_CHAN_GYRO_X, SENSOR_CHAN_GYRO_Y,
                      SENSOR_CHAN_GYRO_Z, SENSOR_CHAN_GYRO_XYZ };

enum sensor_trigger_type { SENSOR_TRIG_TIMER, SENSOR_TRIG_DATA_READY };

struct sensor_trigger {
  enum sensor_trigger_type type;
  enum sensor_channel chan;
};

typedef void (*sensor_trigger_handler_t)(const struct device *dev,
                                         const struct sensor_trigger *trigger);

int sensor_trigger_set(const struct device *dev, const struct sensor_trigger *trig,
                       sensor_trigger_handler_t handler);

enum sensor_attribute { SENSOR_ATTR_SAMPLING_FREQUENCY, SENSOR_ATTR_FULL_SCALE = 4 };

int sensor_attr_set(const struct device *dev, enum sensor_channel chan,
                    enum sensor_attribute attr, const struct sensor_value *val);
int sensor_sample_fetch(const struct device *dev);
int sensor_channel_get(const struct device *dev, enum sensor_channel chan,
                       struct sensor_value *val);
void sensor_g_to_ms2(int32_t g, struct sensor_value *ms2);
void sensor_degrees_to_rad(int32_t d, struct sensor_value *rad);

static inline float sensor_value_to_float(const struct sensor_value *val) {
  return (float)val->val1 + (float)val->val2 / 1000000;
}

#endif /* ZEPHYR_DRIVERS_SENSOR_H_ */
