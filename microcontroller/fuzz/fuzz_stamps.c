/* Any stamps: through the queue, a sensor's FIFO and the recognizer; steps, wraps, clocks that go back.
 *
 * Two recognizers take the same samples, the second with a clock that is ahead by a constant, so
 * that it wraps elsewhere: they must do the same.
 */
#include "fuzz_recognizer.h"
#include "i2c_accelerometer.h"

/* Samples of one wake-up. */
#define LARGEST_BATCH 64u
#define CLOCK_AHEAD_US 0x9E3779B9u

static PskdSampleQueue queue;
static PskdStampedSample shadow[PSKD_QUEUE_SAMPLES];
static uint32_t noted;
static PskdI2cAccelerometer sensor;
static PskdActivityRecognizer recognizer, ahead;
/* What the sensor's bus gives. */
static FuzzInput bus_input;
static uint32_t bus_us;

static int write_register(uint8_t address, uint8_t first, uint8_t value) {
  (void)address;
  (void)first;
  (void)value;
  return 1;
}

static int read_registers(uint8_t address, uint8_t first, uint8_t *bytes, int32_t count) {
  (void)address;
  (void)first;
  expect(count >= 1 && count <= PSKD_I2C_READ_BYTES, "a bus reads so much at a time");
  for (; count > 0; --count) *bytes++ = (uint8_t)take_number(&bus_input, 1);
  return bus_input.left > 0u;
}

static uint32_t bus_now_us(void) { return bus_us; }

static const PskdI2cBus bus = {write_register, read_registers, bus_now_us};

/* Mostly within a quarter of a period, else anything. */
static uint32_t take_step_us(FuzzInput *input, uint32_t period_us) {
  const uint32_t kind = take_number(input, 1);
  if (kind < 216u) return period_us + period_us / 432u * kind - period_us / 4u;
  if (kind < 236u) return take_number(input, 3);
  return take_number(input, 4);
}

/* Notes what was added since the last call. */
static void note_added(void) {
  expect(pskd_sample_queue_depth(&queue) <= PSKD_QUEUE_SAMPLES, "the queue is as deep as it is");
  for (; noted != queue.added; ++noted) {
    const uint32_t place = noted & (PSKD_QUEUE_SAMPLES - 1u);
    shadow[place].time_us = queue.samples[place].time_us;
  }
}

static void add_one(uint32_t time_us, const float *raw) {
  const uint32_t depth = pskd_sample_queue_depth(&queue), lost = queue.lost;
  const int is_added = pskd_sample_queue_add(&queue, time_us, raw);
  expect(is_added == (depth < PSKD_QUEUE_SAMPLES), "a queue takes a sample if it has room");
  expect(queue.lost == lost + (is_added ? 0u : 1u), "a sample without room is counted");
}

/* A batch of a FIFO of which the first `added` samples are read. */
static void add_batch(uint32_t newest_us, uint32_t count, uint32_t added, FuzzInput *input,
                      FuzzStretch *stretch) {
  const uint32_t before = queue.added, lost = queue.lost;
  uint32_t index;
  float raw[PSKD_NUM_AXES] = {0.0f};
  pskd_sensor_fifo_begin(&sensor.fifo, newest_us, (int32_t)count);
  for (index = 0; index < added; ++index) {
    (void)take_sample(input, stretch, raw);
    pskd_sensor_fifo_add(&sensor.fifo, raw, &queue);
  }
  if (added == count) expect(sensor.fifo.newest_us == newest_us, "the newest one has its stamp");
  if (!sensor.fifo.thins) {
    expect(queue.added - before + queue.lost - lost == added, "a slow sensor loses nothing");
  }
}

/* Recognizes up to `most` samples of the queue. */
static void recognize(uint32_t most) {
  PskdStampedSample taken;
  while (most-- > 0u && pskd_sample_queue_take(&queue, &taken)) {
    const uint32_t place = (queue.taken - 1u) & (PSKD_QUEUE_SAMPLES - 1u);
    PskdRecognizerEvent event, other;
    expect(taken.time_us == shadow[place].time_us, "samples keep their order");
    event = pskd_activity_recognizer_add(&recognizer, taken.time_us, taken.raw, stand_in_invoke);
    other = pskd_activity_recognizer_add(&ahead, taken.time_us + CLOCK_AHEAD_US, taken.raw,
                                         stand_in_invoke);
    check_event(&recognizer, event);
    expect(event == other && recognizer.activity == ahead.activity &&
               memcmp(recognizer.probabilities, ahead.probabilities,
                      sizeof(ahead.probabilities)) == 0,
           "a clock that is ahead changes nothing");
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
  const PskdRecognizerSettings settings = working_settings();
  FuzzInput input = {bytes, size};
  FuzzStretch stretch = {{0.0f}, 0.0f, 0};
  uint32_t time_us = take_number(&input, 4), step_us;
  float raw[PSKD_NUM_AXES];
  ++fuzzed_inputs;
  pskd_activity_recognizer_start(&recognizer, &settings);
  pskd_activity_recognizer_start(&ahead, &settings);
  pskd_sample_queue_start(&queue);
  /* Its counters wrap, too. */
  queue.added = queue.taken = noted = take_number(&input, 4);
  bus_input = input;
  if (pskd_i2c_accelerometer_start(&sensor, &bus, (PskdI2cSensor)take_number(&input, 1) % 2, 0, 4,
                                   PERIOD_US) != PSKD_ACCELEROMETER_OK) {
    (void)pskd_i2c_accelerometer(PSKD_LSM6, 8, &sensor);
    (void)pskd_i2c_accelerometer_identify(&sensor, 0x6C);
    pskd_sensor_fifo_start(&sensor.fifo, take_number(&input, 2), PERIOD_US);
  }
  while (input.left > 0u) {
    const uint32_t operation = take_number(&input, 1);
    uint32_t count = 1u + operation % LARGEST_BATCH;
    switch (operation / LARGEST_BATCH) {
      case 0u: /* one at a time, all after the same time or each after its own */
        step_us = take_step_us(&input, PERIOD_US);
        for (; count > 0u && take_sample(&input, &stretch, raw); --count) {
          time_us += operation % 8u == 0u ? take_step_us(&input, PERIOD_US) : step_us;
          add_one(time_us, raw);
          note_added();
          recognize(1u);
        }
        break;
      case 1u: /* a batch with its interrupt */
        time_us += count * take_step_us(&input, sensor.fifo.period_us);
        add_batch(time_us, count, operation % 8u == 0u ? count / 2u : count, &input, &stretch);
        break;
      case 2u: /* from the bus */
        bus_input = input;
        bus_us = time_us += take_step_us(&input, PERIOD_US);
        (void)pskd_i2c_accelerometer_collect(&sensor, &bus, &queue);
        input = bus_input;
        break;
      default: recognize(count); break;
    }
    note_added();
  }
  recognize(PSKD_QUEUE_SAMPLES);
  return 0;
}
