"""The loop on a scripted sensor and clock."""

import ctypes

import numpy as np
import pytest

from firmware import CAccelerometer

PERIOD_US = 20_000  # 50 Hz
OK, NO_SAMPLE, FAILED = 0, 1, 2


class Board:
    """A sensor that says what it is told, and the lines that were sent."""

    def __init__(self, library, now_us=0, starts=(), axes=(0, 1, 2)):
        self.library, self.now_us = library, now_us
        self.starts, self.read_status = list(starts), OK
        self.lines, self.read_at = [], []
        write_type = ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_char), ctypes.c_int32)
        self.write = write_type(lambda text, length: self.lines.append(text[:length]))
        self.accelerometer = CAccelerometer(
            CAccelerometer.start_type(lambda: self.starts.pop(0) if self.starts else OK),
            CAccelerometer.collect_type(self._collect),
            CAccelerometer.now_type(lambda: self.now_us % (1 << 32)),
            (ctypes.c_int8 * 3)(*axes),
            (ctypes.c_int8 * 3)(1, 1, 1),
            1.0,
            8.0,
            0,
        )
        self.loop = ctypes.create_string_buffer(library.loop_bytes())
        self.noise = np.random.default_rng(0)
        library.start_loop(self.loop, ctypes.byref(self.accelerometer), self.write)

    def _collect(self, queue):
        if self.read_status == OK:
            self.read_at.append(self.now_us)
            raw = (ctypes.c_float * 3)(*self.noise.normal((0, 0, 1), 0.01))
            stamp = ctypes.c_uint32(self.now_us % (1 << 32))
            self.library.pskd_sample_queue_add(ctypes.c_void_p(queue), stamp, raw)
        return self.read_status

    def run(self, seconds, polls_us=(1000,)):
        end = self.now_us + round(seconds * 1e6)
        count = 0
        while self.now_us < end:
            self.library.pskd_activity_loop_step(self.loop)
            self.now_us += int(polls_us[count % len(polls_us)])
            count += 1

    def said(self, *kinds):
        """The lines of some kinds without their time."""
        fields = [line.decode().rstrip().split(",") for line in self.lines]
        return [",".join([kind, *rest]) for kind, _, *rest in fields if kind in kinds]


@pytest.fixture
def board(core_library):
    return lambda **arguments: Board(core_library, **arguments)


def test_the_loop_wakes_once_for_each_sample(board):
    """50 times a second instead of 500; a late sensor is polled again in a tenth of that time."""
    it = board()
    it.library.pskd_activity_loop_wait_us.restype = ctypes.c_uint32
    steps = 0
    while it.now_us < 2_000_000:
        it.library.pskd_activity_loop_step(it.loop)
        it.now_us += it.library.pskd_activity_loop_wait_us(it.loop)
        steps += 1
    assert steps == len(it.read_at) == 100
    assert (np.diff(it.read_at) == PERIOD_US).all()
    it.read_status = NO_SAMPLE
    it.library.pskd_activity_loop_step(it.loop)
    assert it.library.pskd_activity_loop_wait_us(it.loop) == PERIOD_US // 10


@pytest.mark.parametrize("seed", [0, 1])
def test_late_polls_do_not_add_up(board, seed):
    """Polls of 1 to 15 ms: 50 samples a second all the same, none earlier than it was due."""
    polls = np.random.default_rng(seed).integers(1_000, 15_000, 997)
    it = board(now_us=(1 << 32) - 3_000_000)
    it.run(20, polls)
    assert len(it.read_at) == 1000
    lateness = np.array(it.read_at) - it.read_at[0] - PERIOD_US * np.arange(1000)
    assert lateness.min() >= 0 and lateness.max() < 15_000
    assert len(it.said("sample")) == 1000
    assert len(it.said("pskd")) == 1 + 4


def test_a_stall_is_no_reason_for_a_burst(board):
    it = board()
    it.run(1)
    it.now_us += 3_000_000
    it.run(1)
    gaps = np.diff(it.read_at)
    assert len(gaps) == 99 and (gaps == PERIOD_US).sum() == 98
    # Read by the loop alone, nothing was sampled meanwhile.
    assert it.said("status", "activity")[2:] == ['activity,-2,"no signal",']


def test_a_clock_that_goes_back_is_followed(board):
    it = board(now_us=100_000_000)
    it.run(1)
    it.now_us = 5_000
    it.run(2)
    assert len(it.read_at) == 150
    assert (np.diff(it.read_at)[51:] == PERIOD_US).all()


def test_a_sensor_is_tried_each_second_until_it_answers(board):
    it = board(starts=[FAILED, FAILED, FAILED])
    it.run(5)
    assert it.said("status")[:2] == ["status,model_started,0", "status,sensor_failed,2"]
    assert it.said("status").count("status,sensor_failed,2") == 3
    assert it.said("status")[-2:] == ["status,sensor_started,0", "status,samples_again,0"]
    assert it.said("activity") == ['activity,-2,"no signal",']
    assert it.read_at[0] == 3_000_000 and len(it.read_at) == 100


def test_silence_is_reported_once_and_ends(board):
    """No new sample, then a bus that fails; no signal after half a second, once."""
    it = board()
    it.run(1)
    before = len(it.lines)
    it.read_status = NO_SAMPLE
    it.run(3)
    silence = it.lines[before:]
    assert [line.split(b",")[0] for line in silence] == [b"status", b"activity"]
    assert 1_480_000 < int(silence[0].split(b",")[1]) < 1_483_000
    it.read_status = OK
    it.run(1)
    assert len(it.read_at) == 100
    assert it.said("status", "activity")[-1] == "status,samples_again,0"
    it.read_status, it.starts = FAILED, [FAILED]
    it.run(3)
    assert it.said("status").count("status,sensor_failed,2") >= 2
    assert it.said("activity") == 2 * ['activity,-2,"no signal",']


def test_axes_that_are_no_map_are_a_failed_sensor(board):
    it = board(axes=(0, 0, 2))
    it.run(2.5)
    assert it.said("status").count("status,sensor_failed,2") == 3
    assert it.read_at == []
