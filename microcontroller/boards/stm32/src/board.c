/* The board file: an STM32 with STM32Cube's HAL and an LSM6 on I2C2 (as on ST's B-L475E-IOT01A).
 *
 * Every function that touches the HAL is weak: define one of the same name anywhere to use another
 * bus, sensor or serial line.
 */
#include "activity_loop.h"
#include "board.h"

#include "i2c_accelerometer.h"
#include "main.h"

/* For x, y, z of the wrist that the model was trained on: the sensor's axis (0 is x, 1 is y, 2 is
 * z) and its sign. `python -m pskd_tf.monitor --port=PORT --check_axes` says what they must be.
 */
#define BOARD_AXES {@AXES@}
#define BOARD_SIGNS {@SIGNS@}
/* PSKD_MPU6050 or PSKD_LSM6 (LSM6DS3, LSM6DSL, LSM6DSO, LSM6DSOX). */
#ifndef BOARD_SENSOR
#define BOARD_SENSOR PSKD_LSM6
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
/* Handles that CubeMX made; -DBOARD_I2C=hi2c1 for another bus. */
#ifndef BOARD_I2C
#define BOARD_I2C hi2c2
#endif
#ifndef BOARD_UART
#define BOARD_UART huart1
#endif

#define TIMEOUT_MS 10u

extern I2C_HandleTypeDef BOARD_I2C;
extern UART_HandleTypeDef BOARD_UART;

int pskd_hal_write_register(uint8_t address, uint8_t first, uint8_t value);
int pskd_hal_read_registers(uint8_t address, uint8_t first, uint8_t *bytes, int32_t count);
uint32_t pskd_hal_now_us(void);

static PskdI2cAccelerometer sensor;

/* Each returns 1 if it went well. The HAL wants addresses with the direction's bit. */
__weak int pskd_hal_write_register(uint8_t address, uint8_t first, uint8_t value) {
  return HAL_I2C_Mem_Write(&BOARD_I2C, (uint16_t)(address << 1), first, I2C_MEMADD_SIZE_8BIT,
                           &value, 1, TIMEOUT_MS) == HAL_OK;
}

__weak int pskd_hal_read_registers(uint8_t address, uint8_t first, uint8_t *bytes,
                                   int32_t count) {
  return HAL_I2C_Mem_Read(&BOARD_I2C, (uint16_t)(address << 1), first, I2C_MEMADD_SIZE_8BIT,
                          bytes, (uint16_t)count, TIMEOUT_MS) == HAL_OK;
}

/* Milliseconds are fine enough for 50 Hz; a timer of your own is better. */
__weak uint32_t pskd_hal_now_us(void) { return HAL_GetTick() * 1000u; }

static const PskdI2cBus bus = {pskd_hal_write_register, pskd_hal_read_registers,
                               pskd_hal_now_us};

static PskdAccelerometerStatus start(void) {
  return pskd_i2c_accelerometer_start(&sensor, &bus, BOARD_SENSOR, BOARD_SENSOR_ADDRESS,
                                      BOARD_RANGE_G, PSKD_SAMPLE_US);
}

static PskdAccelerometerStatus collect(PskdSampleQueue *queue) {
  return pskd_i2c_accelerometer_collect(&sensor, &bus, queue);
}

const PskdAccelerometer pskd_board_accelerometer = {
@three_axes@    start, collect, pskd_hal_now_us, {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G}, BOARD_RANGE_G,
@three_axes@    0};
@six_axes@    start, collect, pskd_hal_now_us,
@six_axes@    {BOARD_AXES, BOARD_SIGNS, BOARD_UNITS_PER_G, BOARD_UNITS_PER_DPS}, BOARD_RANGE_G, 0};

/* CubeMX's own code sets up clock, I2C and UART. */
__weak void pskd_board_start(void) {}

__weak void pskd_board_write(const char *text, int32_t length) {
  (void)HAL_UART_Transmit(&BOARD_UART, (uint8_t *)text, (uint16_t)length, 20u);
}

/* Not HAL_Delay, which waits a millisecond longer than it is given and does not sleep. The HAL's tick
 * wakes the core each millisecond.
 */
__weak void pskd_board_wait(uint32_t microseconds) {
  const uint32_t start_us = pskd_hal_now_us();
  while (pskd_hal_now_us() - start_us < microseconds) __WFI();
}
