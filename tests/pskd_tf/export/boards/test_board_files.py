"""The board files on fake buses: registers that are written, bytes that become g."""

import subprocess
from dataclasses import dataclass

import pytest

# Of a sensor at 8 g: 1 g, -0.5 g, 2 g along its axes.
MPU_COUNTS, LSM6_COUNTS = (4096, -2048, 8192), (4098, -2049, 8197)


@dataclass(frozen=True)
class Chip:
    """What a board finds behind I2C: registers, a FIFO with one sample, and its setup."""

    sensor: str
    address: int
    identity: tuple[int, int]  # register and value
    level: tuple[int, bytes]
    data: tuple[int, bytes]
    setup: str


def _bytes(counts, order):
    return b"".join(count.to_bytes(2, order, signed=True) for count in counts)


CHIPS = {
    "MPU-6050": Chip(
        *("PSKD_MPU6050", 0x68, (0x75, 0x68), (0x72, b"\0\6")),
        (0x74, _bytes(MPU_COUNTS, "big")),
        "6b=00 6c=07 1a=04 19=09 1c=10 23=00 6a=04 6a=40 23=08",
    ),
    # Three words of two bytes.
    "LSM6DSL": Chip(
        *("PSKD_LSM6", 0x6A, (0x0F, 0x6A), (0x3A, b"\3\0")),
        (0x3E, _bytes(LSM6_COUNTS, "little")),
        "11=00 12=44 10=4c 0a=00 08=01 0a=26",
    ),
    # A word of a tag and six bytes.
    "LSM6DSO": Chip(
        *("PSKD_LSM6", 0x6A, (0x0F, 0x6C), (0x3A, b"\1\0")),
        (0x78, b"\x10" + _bytes(LSM6_COUNTS, "little")),
        "11=00 12=44 10=4c 0a=00 09=04 0a=06",
    ),
}

MAIN = """\
#include <stdio.h>
#include "board.h"
#include "fake.h"
FAKE_C int main(int argc, char **argv) {
  static PskdSampleQueue queue;
  PskdStampedSample taken = {0, {0, 0, 0}};
  float sample[3];
  (void)argv;
  fake_identity = argc > 1 ? 0x42 : FAKE_IDENTITY;
  fake_fails = argc > 2;
  pskd_board_start();
  printf("|start %d", (int)pskd_board_accelerometer.start());
  printf("|read %d", (int)pskd_board_accelerometer.collect(&queue));
  (void)pskd_sample_queue_take(&queue, &taken);
  pskd_map_axes(&pskd_board_accelerometer.axes, taken.raw, sample);
  printf("|%u %.3f %.3f %.3f|", (unsigned)taken.time_us, (double)sample[0], (double)sample[1],
         (double)sample[2]);
  printf("%u|", (unsigned)pskd_board_accelerometer.now_us());
  fflush(stdout);
  pskd_board_write("line\\r\\n", 6);
  pskd_board_wait(10);
  fake_end();
  return 0;
}
"""
# What the fakes share: the register at which a read starts, and the bytes there.
FAKE_HEADER = """\
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#define FAKE_ADDRESS {address}
#define FAKE_IDENTITY {identity[1]}
#define FAKE_C
#ifndef FAKE_TRIGGER
#define FAKE_TRIGGER 0
#endif
#ifndef FAKE_END
static inline void fake_end(void) {{}}
#endif
static int fake_fails;
static uint8_t fake_identity;
static inline void fake_read(uint8_t first, uint8_t *bytes, int count) {{
  static const uint8_t level[] = {{{level}}}, data[] = {{{data}}};
  memset(bytes, 0, (size_t)count);
  if (first == {identity[0]}) bytes[0] = fake_identity;
  if (first == {level_register}) memcpy(bytes, level, sizeof(level));
  if (first == {data_register}) memcpy(bytes, data, sizeof(data));
}}
static inline void fake_write(uint8_t first, uint8_t value) {{
  printf("%02x=%02x ", first, value);
}}
"""
FAKES = {
    "platformio": """\
#include <Arduino.h>
#include <Wire.h>
static uint8_t held[8];
static int count, at, left;
static uint8_t bytes[112];
TwoWire Wire;
HardwareSerial Serial;
size_t Print::write(const uint8_t *, size_t) { return 0; }
bool TwoWire::begin(int sda, int scl, uint32_t) { return sda == 21 && scl == 22; }
void TwoWire::beginTransmission(uint16_t address) { count = address == FAKE_ADDRESS ? 0 : 100; }
size_t TwoWire::write(uint8_t value) { held[count++ % 8] = value; return 1; }
uint8_t TwoWire::endTransmission(bool) { return fake_fails || count != 1; }
uint8_t TwoWire::endTransmission() { fake_write(held[0], held[1]); return count != 2; }
uint8_t TwoWire::requestFrom(uint16_t, uint8_t size) {
  fake_read(held[0], bytes, size);
  at = 0, left = size;
  return size;
}
int TwoWire::read() { return left-- > 0 ? bytes[at++] : -1; }
unsigned long micros() { return 77; }
void delayMicroseconds(uint32_t us) { printf(" waited %u", (unsigned)us); }
void delay(unsigned long) {}
void HardwareSerial::begin(unsigned long baud) { printf("baud %lu|", baud); }
size_t HardwareSerial::write(uint8_t) { return 0; }
size_t HardwareSerial::write(const uint8_t *text, size_t size) {
  return fwrite(text, 1, size, stdout);
}
""",
    "esp_idf": """\
#include "driver/i2c_master.h"
#include "esp_timer.h"
#include "freertos/task.h"
esp_err_t i2c_new_master_bus(const i2c_master_bus_config_t *config, i2c_master_bus_handle_t *bus) {
  *bus = (i2c_master_bus_handle_t)&fake_fails;
  return config->sda_io_num == 21 && config->scl_io_num == 22 ? ESP_OK : ESP_FAIL;
}
esp_err_t i2c_master_bus_add_device(i2c_master_bus_handle_t bus, const i2c_device_config_t *config,
                                    i2c_master_dev_handle_t *device) {
  *device = (i2c_master_dev_handle_t)bus;
  return config->device_address == FAKE_ADDRESS ? ESP_OK : ESP_FAIL;
}
esp_err_t i2c_master_transmit(i2c_master_dev_handle_t device, const uint8_t *bytes, size_t count,
                              int timeout) {
  (void)device, (void)timeout;
  fake_write(bytes[0], bytes[1]);
  return count == 2 ? ESP_OK : ESP_FAIL;
}
esp_err_t i2c_master_transmit_receive(i2c_master_dev_handle_t device, const uint8_t *bytes,
                                      size_t count, uint8_t *result, size_t size, int timeout) {
  (void)device, (void)timeout;
  fake_read(bytes[0], result, (int)size);
  return count == 1 && !fake_fails ? ESP_OK : ESP_ERR_TIMEOUT;
}
int64_t esp_timer_get_time(void) { return 77 + (1LL << 32); }
void vTaskDelay(TickType_t ticks) { printf(" waited %u ticks", (unsigned)ticks); }
""",
    "stm32": """\
#include "main.h"
I2C_HandleTypeDef hi2c2;
UART_HandleTypeDef huart1;
HAL_StatusTypeDef HAL_I2C_Mem_Write(I2C_HandleTypeDef *bus, uint16_t address, uint16_t first,
                                    uint16_t size, uint8_t *data, uint16_t count, uint32_t wait) {
  (void)wait;
  fake_write((uint8_t)first, data[0]);
  return bus == &hi2c2 && address == 2 * FAKE_ADDRESS && size == 1 && count == 1 ? HAL_OK
                                                                               : HAL_ERROR;
}
HAL_StatusTypeDef HAL_I2C_Mem_Read(I2C_HandleTypeDef *bus, uint16_t address, uint16_t first,
                                   uint16_t size, uint8_t *data, uint16_t count, uint32_t wait) {
  (void)wait;
  fake_read((uint8_t)first, data, count);
  return bus == &hi2c2 && address == 2 * FAKE_ADDRESS && size == 1 && !fake_fails ? HAL_OK
                                                                                 : HAL_ERROR;
}
HAL_StatusTypeDef HAL_UART_Transmit(UART_HandleTypeDef *uart, const uint8_t *data, uint16_t size,
                                    uint32_t wait) {
  (void)uart, (void)wait;
  fwrite(data, 1, size, stdout);
  return HAL_OK;
}
static uint32_t tick;
uint32_t HAL_GetTick(void) { return tick; }
/* Until the next tick's interrupt; a wait without it would not end. */
void __WFI(void) { printf(" slept"); ++tick; }
""",
    "arduino": """\
#include <Arduino.h>
#include <Arduino_LSM9DS1.h>
#include <csetjmp>
#include <mbed.h>
#include "application.h"
static int count, is_magnetometer;
static uint8_t held[8];
TwoWire Wire, Wire1;
LSM9DS1Class IMU;
USBSerial SerialUSB;
size_t Print::write(const uint8_t *, size_t) { return 0; }
int LSM9DS1Class::begin() { return !fake_fails; }
int LSM9DS1Class::readAcceleration(float &x, float &y, float &z) {
  x = 0.5f, y = -0.25f, z = 1.0f;  // as if the range were 4 g
  return !fake_fails;
}
int LSM9DS1Class::accelerationAvailable() { return 1; }
int LSM9DS1Class::readGyroscope(float &, float &, float &) { return 0; }
int LSM9DS1Class::gyroscopeAvailable() { return 0; }
float LSM9DS1Class::accelerationSampleRate() { return 119.0f; }
void TwoWire::beginTransmission(uint8_t address) {
  count = address == 0x6B || address == 0x1E ? 0 : 100;
  is_magnetometer = address == 0x1E;
}
size_t TwoWire::write(uint8_t value) { held[count++ % 8] = value; return 1; }
uint8_t TwoWire::endTransmission() {
  if (is_magnetometer) printf("magnetometer ");
  fake_write(held[0], held[1]);
  return this != &Wire1 || count != 2 || fake_identity == 0x42;
}
unsigned long micros() { return 77; }
void delayMicroseconds(unsigned int us) { printf(" waited %u", us); }
void delay(unsigned long) {}
/* The sampler's thread runs at the end, for three ticks. */
static mbed::Callback tick, task;
static std::chrono::microseconds tick_period;
static jmp_buf stopped;
static int ticks, flag, priority;
void pskd_application_sample() { printf("|sampled"); }
void mbed::Ticker::attach(Callback func, std::chrono::microseconds t) {
  tick = func;
  tick_period = t;
}
rtos::Thread::Thread(osPriority level, uint32_t, unsigned char *, const char *) {
  priority = level - osPriorityNormal;
}
osStatus rtos::Thread::start(mbed::Callback run) { task = run; return 0; }
uint32_t rtos::Thread::flags_set(uint32_t flags) { return flag = (int)flags; }
uint32_t rtos::ThisThread::flags_wait_any(uint32_t flags) {
  if (++ticks > 3) longjmp(stopped, 1);
  tick();
  if (flag != (int)flags) printf("|no flag");
  return flags;
}
static void fake_end() {
  if (task != nullptr && setjmp(stopped) == 0) task();
  printf("|priority %d, period %d", priority, (int)tick_period.count());
}
void USBSerial::begin(unsigned long baud) { printf("baud %lu|", baud); }
USBSerial::operator bool() { return true; }
size_t USBSerial::write(uint8_t) { return 0; }
size_t USBSerial::write(const uint8_t *text, size_t size) { return fwrite(text, 1, size, stdout); }
""",
    "zephyr": """\
#include <setjmp.h>
#include <stdarg.h>
#include <zephyr/drivers/sensor.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>
const struct device stub_device = {"accel0"};
bool device_is_ready(const struct device *dev) { return dev == &stub_device && !fake_fails; }
void sensor_g_to_ms2(int32_t g, struct sensor_value *ms2) {
  ms2->val1 = (g * 980665) / 100000;
  ms2->val2 = 0;
}
int sensor_attr_set(const struct device *dev, enum sensor_channel chan, enum sensor_attribute attr,
                    const struct sensor_value *val) {
  (void)dev;
  if (chan == SENSOR_CHAN_GYRO_XYZ) printf("gyroscope ");
  else if (chan != SENSOR_CHAN_ACCEL_XYZ) return -1;
  printf("%d=%d ", (int)attr, (int)val->val1);
  return 0;
}
int sensor_sample_fetch(const struct device *dev) {
  return dev == &stub_device && !fake_fails ? 0 : -5;
}
int sensor_channel_get(const struct device *dev, enum sensor_channel chan,
                       struct sensor_value *val) {
  (void)dev;
  val[0].val1 = 9, val[0].val2 = 806650;
  val[1].val1 = -4, val[1].val2 = -903325;
  val[2].val1 = 19, val[2].val2 = 613300;
  return chan == SENSOR_CHAN_ACCEL_XYZ && fake_identity != 0x42 ? 0 : -134;
}
static uint32_t fake_cycles = 64 * 77;
unsigned int irq_lock(void) { return 5; }
void irq_unlock(unsigned int key) { if (key != 5) printf("|another key"); }
uint32_t k_cycle_get_32(void) { return fake_cycles; }
uint64_t k_cyc_to_us_floor64(uint64_t t) { return t / 64 + (1ULL << 32); }
static sensor_trigger_handler_t fake_handler;
int sensor_trigger_set(const struct device *dev, const struct sensor_trigger *trig,
                       sensor_trigger_handler_t handler) {
  if (dev != &stub_device || trig->chan != SENSOR_CHAN_ACCEL_XYZ) return -22;
  if (!FAKE_TRIGGER || trig->type != SENSOR_TRIG_DATA_READY) return -134;
  fake_handler = handler;
  return 0;
}
/* The sampler's thread, until its timer has gone off three times. */
static jmp_buf stopped;
static int64_t period;
static int expired;
extern const k_thread_entry_t sampler_entry;
extern const int sampler_prio;
void pskd_application_sample(void);
void pskd_application_sample(void) { printf("|sampled"); }
void k_timer_start(struct k_timer *timer, k_timeout_t duration, k_timeout_t next) {
  (void)timer;
  period = duration.ticks == next.ticks ? next.ticks : 0;
}
uint32_t k_timer_status_sync(struct k_timer *timer) {
  (void)timer;
  if (++expired > 3) longjmp(stopped, 1);
  return 1;
}
static void fake_end(void) {
  if (setjmp(stopped) == 0) sampler_entry(NULL, NULL, NULL);
  printf("|priority %d, period %d", sampler_prio, (int)period);
}
int32_t k_usleep(int32_t us) { printf(" waited %d", (int)us); return 0; }
void printk(const char *fmt, ...) {
  va_list arguments;
  va_start(arguments, fmt);
  vprintf(fmt, arguments);
  va_end(arguments);
}
""",
}
STUBS = {"platformio": "arduino_esp32", "arduino": "arduino_mbed"}


@pytest.fixture
def run_board(make_project, compile_with, stubs, tmp_path):
    """Compiles a board file with its fake; returns what `main` printed for so many arguments."""

    def run(target, name="MPU-6050", main=MAIN, address=None, options=()):
        is_cpp, chip = target in STUBS, CHIPS[name]
        (board,) = make_project(target, axes="-y,+z,-x").rglob("board.c*")
        header = FAKE_HEADER.format(
            address=address or chip.address,
            identity=chip.identity,
            level_register=chip.level[0],
            level=", ".join(map(str, chip.level[1])),
            data_register=chip.data[0],
            data=", ".join(map(str, chip.data[1])),
        )
        end = "#define FAKE_END\n" if "fake_end" in FAKES[target] else ""
        (tmp_path / "fake.h").write_text(f"{end}{header}{FAKES[target]}")
        source = tmp_path / ("main.cpp" if is_cpp else "main.c")
        source.write_text(main)
        names = ("axis_map.c", "i2c_accelerometer.c", "sample_queue.c", "sensor_fifo.c")
        core = [board.parent / name for name in names]
        for path in core:
            compile_with("gcc", "-std=c99", "-c", path, "-o", tmp_path / f"{path.stem}.o")
        compile_with(
            *(("g++", "-std=c++14") if is_cpp else ("gcc", "-std=gnu99")),
            *("-isystem", stubs / STUBS.get(target, target), f"-I{board.parent}", f"-I{tmp_path}"),
            *(f"-DBOARD_SENSOR={chip.sensor}", *options, "-Wno-unused-function", source, board),
            *(tmp_path / f"{path.stem}.o" for path in core),
            *("-o", tmp_path / "main"),
        )
        return [
            subprocess.run(
                [tmp_path / "main", *("x" * count)], capture_output=True, text=True
            ).stdout
            for count in range(3)
        ]

    return run


# 1, -0.5 and 2 g of the sensor under -y,+z,-x.
SAMPLE = "0.500 2.000 -1.000"


@pytest.mark.parametrize("chip", CHIPS)
@pytest.mark.parametrize("target", ["platformio", "esp_idf", "stm32"])
def test_i2c_boards_set_up_the_sensor_and_read_g(run_board, target, chip):
    good, other_chip, dead = run_board(target, chip)
    assert f"{CHIPS[chip].setup} |start 0|read 0|" in good
    assert f" {SAMPLE}|" in good and "line\n" in good
    if target == "stm32":
        # Ten microseconds are over at the next tick.
        assert good.endswith("line\n slept")
    else:
        assert f"|77 {SAMPLE}|77|" in good and "waited" in good
    assert "|start 2|" in other_chip
    assert "|start 2|read 2|" in dead


def test_arduino_sets_eight_g_behind_its_library(run_board):
    good, no_range, dead = run_board("arduino")
    assert good.startswith("baud 115200|10=00 20=78 magnetometer 22=03 |start 0|read 0|")
    assert f"|77 {SAMPLE}|77|" in good and "line\n" in good
    assert "|start 2|" in no_range and "|start 2|read 2|" in dead
    # Its thread comes before the loop's and samples at the model's rate.
    assert good.endswith("|sampled|sampled|sampled|priority 8, period 20000")


def test_zephyr_reads_metres_per_second_squared(run_board):
    good, no_channel, dead = run_board("zephyr")
    assert (
        f"0=104 4=78 gyroscope 0=0 |start 0|read 0|77 {SAMPLE}|77|" in good
        and "line\n waited 10" in good
    )
    assert "|start 0|read 2|" in no_channel and "|start 2|read 2|" in dead
    # Its thread comes before main's, whose priority is 0, and samples at the model's rate.
    assert good.endswith("|sampled|sampled|sampled|priority -15, period 20000")


@pytest.mark.slow
@pytest.mark.parametrize("target", ["platformio", "esp_idf", "stm32"])
def test_the_sensors_address_is_a_setting(run_board, target):
    """Where its address pin is high; without the setting it does not answer."""
    good, *_ = run_board(target, "LSM6DSL", address=0x6B, options=["-DBOARD_SENSOR_ADDRESS=0x6B"])
    assert "|start 0|read 0|" in good
    absent, *_ = run_board(target, "LSM6DSL", address=0x6B)
    assert "|start 2|" in absent


@pytest.mark.slow
def test_the_bus_of_an_stm32_is_a_setting(run_board, monkeypatch):
    monkeypatch.setitem(FAKES, "stm32", FAKES["stm32"].replace("hi2c2", "hi2c3"))
    good, *_ = run_board("stm32", options=["-DBOARD_I2C=hi2c3"])
    assert "|start 0|read 0|" in good


ZEPHYR_MAIN = """\
#include "board.h"
#include "fake.h"
int main(void) {
  static PskdSampleQueue queue;
  PskdStampedSample taken;
  int number;
  const unsigned int first_us = pskd_board_accelerometer.now_us();
  fake_cycles = 0xFFFFFFC0u;
  const unsigned int before_us = pskd_board_accelerometer.now_us();
  fake_cycles += 128u;
  printf("%u %u|", before_us - first_us, pskd_board_accelerometer.now_us() - before_us);
  printf("start %d|", (int)pskd_board_accelerometer.start());
  if (fake_handler != NULL) fake_handler(&stub_device, NULL);
  for (number = 0; number < 104; ++number) {
    fake_cycles += 64 * 9615;
    (void)pskd_board_accelerometer.collect(&queue);
  }
  printf("|");
  for (number = 0; pskd_sample_queue_take(&queue, &taken); ++number) {
    if (number < 3) printf("%u ", (unsigned)(taken.time_us - before_us));
  }
  printf("%d", number);
  fake_end();
  return 0;
}
"""


@pytest.mark.slow
def test_zephyr_takes_samples_when_they_are_ready(run_board):
    """Of 104 Hz those nearest to 50 Hz, with the interrupt's time; the timer then collects none."""
    ready, *_ = run_board("zephyr", main=ZEPHYR_MAIN, options=["-DFAKE_TRIGGER=1"])
    stamps, start, sampled, taken = ready.split("|", 3)
    assert stamps == f"{2**26 - 1 - 77} 2"
    assert start == "0=104 4=78 gyroscope 0=0 start 0" and sampled == ""
    assert taken.startswith("sampled|9617 28847 48077 50|priority")


@pytest.mark.slow
def test_zephyr_without_the_alias_says_so(make_project, compile_with, stubs):
    sources = make_project("zephyr") / "src"
    command = ["gcc", "-fsyntax-only", "-isystem", stubs / "zephyr", sources / "board.c"]
    compile_with(*command)
    with pytest.raises(AssertionError, match="must have an enabled accelerometer with the alias"):
        compile_with(*command, "-DSTUB_NO_ALIAS")
