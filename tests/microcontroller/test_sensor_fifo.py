"""Stamps of a FIFO's samples, and what of them the model wants."""

import ctypes

import numpy as np
import pytest

WANTED_US = 20_000


class _Sample(ctypes.Structure):
    _fields_ = (("time_us", ctypes.c_uint32), ("raw", ctypes.c_float * 3))


@pytest.fixture(scope="module")
def library(compiler, sources, exported, tmp_path_factory):
    """The FIFO, the queue (1024 samples) and the sensors behind I2C, callable from Python."""
    path = tmp_path_factory.mktemp("fifo") / "fifo.so"
    names = ("sensor_fifo.c", "sample_queue.c", "i2c_accelerometer.c")
    compiler(
        *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wconversion"),
        *("-DPSKD_QUEUE_SAMPLES=1024", f"-I{exported}"),
        *(*(sources / "src" / name for name in names), "-o", path),
    )
    return ctypes.CDLL(str(path))


class Fifo:
    """A FIFO whose samples bear their number."""

    def __init__(self, library, period_us):
        self.library, self.number = library, 0
        self.queue = ctypes.create_string_buffer(16 * 1024 + 64)
        self.fifo = ctypes.create_string_buffer(64)
        library.pskd_sample_queue_start(self.queue)
        library.pskd_sensor_fifo_start(self.fifo, period_us, WANTED_US)

    def batch(self, newest_us, count, added=None):
        """Reads a batch, or its first samples; returns numbers and stamps of those taken."""
        stamp = ctypes.c_uint32(newest_us % (1 << 32))
        self.library.pskd_sensor_fifo_begin(self.fifo, stamp, count)
        for _ in range(count if added is None else added):
            raw = (ctypes.c_float * 3)(self.number, 0, 0)
            self.library.pskd_sensor_fifo_add(self.fifo, raw, self.queue)
            self.number += 1
        taken, sample = [], _Sample()
        while self.library.pskd_sample_queue_take(self.queue, ctypes.byref(sample)):
            taken.append((int(sample.raw[0]), sample.time_us))
        return taken


@pytest.fixture
def fifo(library):
    return lambda period_us: Fifo(library, period_us)


@pytest.mark.parametrize("true_period_us", [9_000.0, 9_615.4, 10_300.0])
def test_stamps_are_counted_back_from_the_interrupt(fifo, true_period_us):
    """32 samples a wake-up, a clock 7 % off its data sheet and wrapping around: within 0.1 ms."""
    it, start = fifo(9_615), (1 << 32) - 2_000_000
    taken = []
    for batch in range(1, 60):
        taken += it.batch(start + round((32 * batch - 1) * true_period_us), 32)
    # The first batch is stamped with the nominal period.
    numbers, stamps = np.array([row for row in taken if row[0] >= 32]).T
    truth = start + numbers * true_period_us
    error = (stamps - truth + (1 << 31)) % (1 << 32) - (1 << 31)
    assert np.abs(error).max() < 100
    gaps = np.diff(stamps) % (1 << 32)
    # The sample nearest to each point of the grid.
    assert gaps.min() > 10_000 and gaps.max() <= WANTED_US + true_period_us
    # The rate is the model's, whatever the sensor's.
    assert abs(len(gaps) - (truth[-1] - truth[0]) / WANTED_US) <= 1


def test_a_sensor_of_the_models_rate_loses_nothing(fifo):
    """One sample at a time, read up to 19 ms late."""
    it, late = fifo(WANTED_US), np.random.default_rng(0).integers(0, 19_000, 500)
    taken = [row for n in range(500) for row in it.batch(WANTED_US * n + late[n], 1)]
    assert [number for number, _ in taken] == list(range(500))
    assert [stamp for _, stamp in taken] == [WANTED_US * n + int(late[n]) for n in range(500)]


def test_a_long_inference_is_one_batch_without_a_gap(fifo):
    """Batches of two, then one of 60, as the loop reads them; stamps go up evenly."""
    it, now, taken = fifo(10_000), 0, []
    for count in [2] * 20 + [60] + [2] * 20:
        now += 10_000 * count
        taken += it.batch(now, count)
    assert np.diff([stamp for _, stamp in taken]).tolist() == [WANTED_US] * (len(taken) - 1)
    assert len(taken) == (40 + 60 + 40) // 2


def test_what_the_sensor_lost_is_a_gap(fifo):
    """170 samples are there after five seconds: stamped back from now, in the nominal period."""
    it = fifo(10_000)
    before = it.batch(100_000, 10)
    after = it.batch(5_100_000, 170)
    assert before[-1][1] <= 100_000 and after[0][1] == 5_100_000 - 169 * 10_000
    assert np.diff([stamp for _, stamp in after]).tolist() == [WANTED_US] * (len(after) - 1)


def test_what_is_left_in_the_fifo_is_of_the_next_batch(fifo):
    """The queue had no room: 20 of 60 are read, the others 100 ms later with ten more."""
    it = fifo(10_000)
    taken = it.batch(100_000, 10) + it.batch(700_000, 60, added=20)
    assert taken[-1][1] <= 300_000
    taken += it.batch(800_000, 50)
    assert np.diff([stamp for _, stamp in taken]).tolist() == [WANTED_US] * (len(taken) - 1)
    assert [number for number, _ in taken] == list(range(0, 80, 2))


@pytest.mark.parametrize(
    ("sensor", "identity", "levels"),
    [
        (0, 0x68, {b"\x00\x00": 0, b"\x00\x06": 1, b"\x03\xfc": 170, b"\x04\x00": -1}),
        # The MPU-6500's FIFO has 512 bytes.
        (0, 0x70, {b"\x01\xfe": 85, b"\x02\x00": -1}),
        (1, 0x6A, {b"\x00\x00": 0, b"\x03\x00": 1, b"\xfe\x07": 682, b"\x00\x40": -1}),
        (1, 0x6C, {b"\x00\x00": 0, b"\x20\x00": 32, b"\xff\x01": 511, b"\x00\x42": -1}),
    ],
)
def test_levels_of_each_chip(library, sensor, identity, levels):
    """Bytes, words of two bytes or samples; -1 where the FIFO overflowed."""
    chip = ctypes.create_string_buffer(256)
    assert library.pskd_i2c_accelerometer(sensor, 8, chip) == 1
    assert library.pskd_i2c_accelerometer_identify(chip, identity) == 1
    found = {held: library.pskd_i2c_accelerometer_level(chip, held) for held in levels}
    assert found == levels
    assert library.pskd_i2c_accelerometer_identify(chip, 0x42) == 0
    assert library.pskd_i2c_accelerometer(sensor, 6, chip) == 0
