"""The queue between sampling and inference: order, overflow, and two sides at once."""

import subprocess

import pytest

ONE_SIDE = """\
#include <stdio.h>
#include "sample_queue.h"
static PskdSampleQueue queue;
static int add(uint32_t number) {
  const float raw[3] = {(float)number, -(float)number, 0.5f};
  return pskd_sample_queue_add(&queue, number, raw);
}
int main(void) {
  PskdStampedSample sample;
  uint32_t number, expected = 0, wrong = 0, added = 0;
  pskd_sample_queue_start(&queue);
  /* The counters are about to wrap around. */
  queue.added = queue.taken = 0xFFFFFFF0u;
  printf("%d ", pskd_sample_queue_take(&queue, &sample));
  for (number = 0; number < 70; ++number) added += (uint32_t)add(number);
  printf("%u %u %u ", (unsigned)added, (unsigned)queue.lost,
         (unsigned)pskd_sample_queue_depth(&queue));
  for (number = 70; number < 1000; ++number) {
    wrong += !pskd_sample_queue_take(&queue, &sample);
    wrong += sample.time_us != expected || sample.raw[0] != (float)expected;
    wrong += sample.raw[1] != -(float)expected || sample.raw[2] != 0.5f;
    /* 64 to 69 found it full. */
    expected = expected == 63u ? 70u : expected + 1u;
    wrong += !add(number);
  }
  printf("%u %u %u", (unsigned)wrong, (unsigned)queue.lost, (unsigned)queue.deepest);
  return 0;
}
"""
TWO_SIDES = """\
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include "sample_queue.h"
#define SAMPLES 100000u
static PskdSampleQueue queue;
static volatile uint32_t refused, left_out;
static volatile int has_ended;
/* Of what finds the queue full, each sixteenth is given up. */
static void *produce(void *unused) {
  uint32_t number;
  for (number = 0; number < SAMPLES; ++number) {
    const float raw[3] = {(float)(number & 0xFFFFu), (float)(number >> 16), -1.0f};
    while (!pskd_sample_queue_add(&queue, number, raw)) {
      ++refused;
      if (number % 16u == 0u) {
        ++left_out;
        break;
      }
      (void)sched_yield();
    }
  }
  has_ended = 1;
  return unused;
}
int main(void) {
  PskdStampedSample sample;
  uint32_t taken = 0, torn = 0, backwards = 0, next = 0;
  pthread_t producer;
  pskd_sample_queue_start(&queue);
  if (pthread_create(&producer, NULL, produce, NULL) != 0) return 1;
  while (!has_ended || pskd_sample_queue_depth(&queue) > 0u) {
    if (!pskd_sample_queue_take(&queue, &sample)) {
      (void)sched_yield();
      continue;
    }
    ++taken;
    torn += sample.raw[0] != (float)(sample.time_us & 0xFFFFu) ||
            sample.raw[1] != (float)(sample.time_us >> 16) || sample.raw[2] != -1.0f;
    backwards += sample.time_us < next;
    next = sample.time_us + 1u;
  }
  (void)pthread_join(producer, NULL);
  printf("%u %u %d %d", (unsigned)torn, (unsigned)backwards, taken + left_out == SAMPLES,
         queue.lost == refused);
  return 0;
}
"""


@pytest.fixture
def run(compiler, sources, exported, tmp_path):
    """Compiles a program with the queue; returns what it printed."""

    def compile_and_run(text, *flags):
        (tmp_path / "main.c").write_text(text)
        queue = sources / "src" / "sample_queue.c"
        program = tmp_path / "main"
        compiler(
            *("gcc", "-std=c99", *flags, f"-I{sources / 'src'}", f"-I{exported}"),
            *(tmp_path / "main.c", queue, "-o", program),
        )
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout

    return compile_and_run


def test_samples_come_in_order_and_what_finds_it_full_is_counted(run):
    """64 of 70 fit; the others are lost, and nothing else is when the counters wrap around."""
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    assert run(ONE_SIDE, *sanitizers) == "0 64 6 64 0 6 64"


def test_a_producer_and_a_consumer_at_once(run):
    """No sample is torn, doubled or out of order, and none goes that was not refused."""
    assert run(TWO_SIDES, "-O2", "-pthread") == "0 0 1 1"


def test_a_depth_that_is_no_power_of_two_is_refused(compiler, sources, exported, tmp_path):
    with pytest.raises(AssertionError, match="PSKD_QUEUE_SAMPLES must be a power of two"):
        compiler(
            *("gcc", "-std=c99", "-DPSKD_QUEUE_SAMPLES=48", f"-I{exported}", "-c"),
            *(sources / "src" / "sample_queue.c", "-o", tmp_path / "queue.o"),
        )
