/* The board file: an ESP32 with an accelerometer on I2C, through ESP-IDF's i2c_master driver. */
#include "activity_loop.h"
#include "board.h"

#include <stdio.h>

#include "driver/i2c_master.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "i2c_accelerometer.h"

/* For x, y, z of the wrist that the model was trained on: the sensor's axis (0 is x, 1 is y, 2 is
 * z) and its sign. `python -m pskd_tf.monitor --port=PORT --check_axes` says what they must be.
 */
#define BOARD_AXES {@AXES@}
#define BOARD_SIGNS {@SIGNS@}
/* PSKD_MPU6050 or PSKD_LSM6 (LSM6DS3, LSM6DSL, LSM6DSO, LSM6DSOX). */
#ifndef BOARD_SENSOR
#define BOARD_SENSOR PSKD_MPU6050
#endif
/* Its address on the bus, 7 bits: 0x69 or 0x6B if its address pin is high; 0 for 0x68 or 0x6A. */
#ifndef BOARD_SENSOR_ADDRESS
#define BOARD_SENSOR_ADDRESS 0
#endif
/* The sensor's range in g: 2, 4, 8 or 16. UTD-MHAD was recorded with 8. */
#define BOARD_RANGE_G 8
/* Read gives g: the sensor's own unit follows from sensor and range. */
#define BOARD_UNITS_PER_G 1.0f
@six_axes@/* And degrees per second, of a gyroscope at 2000. */
@six_axes@#define BOARD_UNITS_PER_DPS 1.0f
#define BOARD_SDA_PIN GPIO_NUM_21
#define BOARD_SCL_PIN GPIO_NUM_22

#define TIMEOUT_MS 10

static PskdI2cAccelerometer sensor;
static i2c_master_bus_handle_t bus_handle;
static i2c_master_dev_handle_t device;

static int open_bus(uint8_t address) {
  const i2c_master_bus_config_t bus_config = {
      .i2c_port = -1,
      .sda_io_num = BOARD_SDA_PIN,
      .scl_io_num = BOARD_SCL_PIN,
      .clk_source = I2C_CLK_SRC_DEFAULT,
      .glitch_ignore_cnt = 7,
      .flags = {.enable_internal_pullup = 1},
  };
  const i2c_device_config_t device_config = {
      .dev_addr_length = I2C_ADDR_BIT_LEN_7,
      .device_address = address,
      .scl_speed_hz = 400000,
  };
  if (bus_handle == NULL && i2c_new_master_bus(&bus_config, &bus_handle) != ESP_OK) return 0;
  return device != NULL ||
         i2c_master_bus_add_device(bus_handle, &device_config, &device) == ESP_OK;
}

static int read_registers(uint8_t address, uint8_t first, uint8_t *bytes, int32_t count) {
  return open_bus(address) && i2c_master_transmit_receive(device, &first, 1, bytes, (size_t)count,
                                                          TIMEOUT_MS) == ESP_OK;
}

static int write_register(uint8_t address, uint8_t first, uint8_t value) {
  const uint8_t bytes[2] = {first, value};
  return open_bus(address) &&
         i2c_master_transmit(device, bytes, sizeof(bytes), TIMEOUT_MS) == ESP_OK;
}

static uint32_t now_us(void) { return (uint32_t)esp_timer_get_time(); }

static const PskdI2cBus bus = {write_register, read_registers, now_us};

static PskdAccelerometerStatus start(void) {
  return pskd_i2c_accelerometer_start(&sensor, &bus, BOARD_SENSOR, BOARD_SENSOR_ADDRESS,
                                      BOARD_RANGE_G, PSKD_SAMPLE_US);
}

static PskdAccelerometerStatus collect(PskdSampleQueue *queue) {
  return pskd_i2c_accelerometer_collect(&sensor, &bus, queue);
}

const PskdAccelerometer pskd_board_accelerometer = {
@three_axes@    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G, 0};
@six_axes@    start, collect, now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G, BOARD_UNITS_PER_DPS},
@six_axes@    BOARD_RANGE_G, 0};

/* The console is set up before app_main. */
void pskd_board_start(void) {}

void pskd_board_write(const char *text, int32_t length) {
  (void)fwrite(text, 1, (size_t)length, stdout);
  (void)fflush(stdout);
}

void pskd_board_wait(uint32_t microseconds) {
  const TickType_t ticks = pdMS_TO_TICKS(microseconds / 1000u);
  /* At least one tick, so that the idle task runs. */
  vTaskDelay(ticks > 0 ? ticks : 1);
}
