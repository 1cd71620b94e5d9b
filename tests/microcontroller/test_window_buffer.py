"""`window_buffer.c` against the windows that training cuts, and against faults."""

import ctypes

import numpy as np
import pytest

from pskd_tf.data.features import window_samples
from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_settings_header
from pskd_tf.input_settings import InputSettings

FILLING, READY, DUPLICATE, NOT_FINITE, RESTARTED = range(5)
RATE, STEPS, HOP = 50, 24, 10
SETTINGS = InputSettings(mode="window", steps=STEPS, window_rate_hz=RATE, window_hop=HOP)
PERIOD = 1_000_000 // RATE


class Buffer:
    """The C buffer; `add` returns the event, and collects windows."""

    def __init__(self, library, maximum_gap_us=5 * PERIOD):
        self._library = library
        self._state = (ctypes.c_uint8 * 4096)()
        self.windows = []
        library.pskd_window_buffer_start(self._state, ctypes.c_uint32(maximum_gap_us))

    def add(self, time_us, sample):
        sample = np.ascontiguousarray(sample, np.float32)
        window = np.zeros((STEPS, 3), np.float32)
        pointers = [
            array.ctypes.data_as(ctypes.POINTER(ctypes.c_float)) for array in (sample, window)
        ]
        time = ctypes.c_uint32(int(time_us) % (1 << 32))
        event = self._library.pskd_window_buffer_add(self._state, time, *pointers)
        if event == READY:
            self.windows.append(window)
        return event

    def add_all(self, times, samples):
        return [self.add(*pair) for pair in zip(times, samples, strict=True)]


@pytest.fixture(scope="module")
def library(sources, compiler, tmp_path_factory):
    folder = tmp_path_factory.mktemp("window_buffer")
    interface = Int8Interface((STEPS, 1, 10), 3, 0.02, 0, 0.1, 0)
    header = model_settings_header(interface, SETTINGS, ["a", "b", "c"], (2, 9), 1, 1024, 50.0)
    (folder / "model_settings.h").write_text(header)
    compiler(
        *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wconversion", "-Wdouble-promotion"),
        *(f"-I{folder}", sources / "src" / "window_buffer.c", "-o", folder / "buffer.so", "-lm"),
    )
    return ctypes.CDLL(str(folder / "buffer.so"))


def _samples(count, seed=0):
    return np.random.default_rng(seed).normal(0, 1, (count, 3)).astype(np.float32)


def test_windows_of_an_even_stream_are_those_of_training(library):
    """Byte for byte, across the stamp's wrap-around."""
    samples = _samples(200)
    buffer = Buffer(library)
    times = (1 << 32) - 60 * PERIOD + np.arange(200) * PERIOD
    events = buffer.add_all(times, samples)
    expected = window_samples(samples, RATE, SETTINGS).samples
    np.testing.assert_array_equal(np.stack(buffer.windows), expected)
    ready = np.flatnonzero(np.array(events) == READY)
    np.testing.assert_array_equal(ready, np.arange(STEPS - 1, 200, HOP))
    assert set(events) == {FILLING, READY}


@pytest.mark.parametrize("rate", [30.0, 62.5, 104.0])
def test_other_rates_are_interpolated(library, rate):
    """A straight line stays one; the windows lie where training's do."""
    times = np.round(np.arange(400) * 1e6 / rate).astype(int)
    samples = (times[:, None] * 1e-6 * [1, -2, 0.5] + [0, 1, 2]).astype(np.float32)
    buffer = Buffer(library)
    buffer.add_all(times, samples)
    windows = np.stack(buffer.windows)
    starts = np.arange(len(windows)) * HOP
    expected = (starts[:, None] + np.arange(STEPS)) / RATE
    np.testing.assert_allclose(windows[..., 0], expected, atol=2e-5)
    np.testing.assert_allclose(windows[..., 1], 1 - 2 * expected, atol=4e-5)
    assert len(windows) == (int(times[-1] / PERIOD) + 1 - STEPS) // HOP + 1


def test_duplicates_change_nothing(library):
    samples = _samples(100)
    once, twice = Buffer(library), Buffer(library)
    times = np.arange(100) * PERIOD
    once.add_all(times, samples)
    events = twice.add_all(np.repeat(times, 2), np.repeat(samples, 2, axis=0))
    assert events[1::2] == [DUPLICATE] * 100
    np.testing.assert_array_equal(np.stack(once.windows), np.stack(twice.windows))


def test_a_short_gap_is_bridged_and_a_long_one_starts_anew(library):
    samples = _samples(100)
    times = np.arange(100) * PERIOD
    kept = np.delete(np.arange(100), [30, 31, 32])
    bridged = Buffer(library, 4 * PERIOD)
    events = bridged.add_all(times[kept], samples[kept])
    assert RESTARTED not in events
    whole = window_samples(samples, RATE, SETTINGS).samples
    np.testing.assert_array_equal(bridged.windows[0], whole[0])
    # Window 1 holds steps 10 to 33: 30 to 32 on the line from 29 to 33.
    line = np.linspace(samples[29], samples[33], 5)[1:-1]
    np.testing.assert_allclose(bridged.windows[1][20:23], line, atol=1e-6)
    np.testing.assert_array_equal(bridged.windows[1][23], samples[33])
    broken = Buffer(library, 3 * PERIOD)
    events = broken.add_all(times[kept], samples[kept])
    assert events.count(RESTARTED) == 1 and events[30] == RESTARTED
    expected = window_samples(samples[33:], RATE, SETTINGS).samples
    np.testing.assert_array_equal(np.stack(broken.windows[1:]), expected)


def test_a_clock_that_jumps_starts_anew(library):
    samples = _samples(80)
    for jump in (-5 * PERIOD, -(1 << 31) + 1, 1 << 30, 1 << 31):
        times = np.arange(80) * PERIOD + (1 << 20)
        times[40:] += jump
        buffer = Buffer(library)
        events = buffer.add_all(times, samples)
        assert [at for at, event in enumerate(events) if event == RESTARTED] == [40]
        after = window_samples(samples[40:], RATE, SETTINGS).samples
        np.testing.assert_array_equal(np.stack(buffer.windows[-len(after) :]), after)


def test_what_is_not_finite_counts_as_lost(library):
    samples = _samples(60)
    samples[20, 1] = np.nan
    samples[21, 2] = -np.inf
    buffer = Buffer(library)
    events = buffer.add_all(np.arange(60) * PERIOD, samples)
    assert events[20:22] == [NOT_FINITE] * 2
    assert RESTARTED not in events and np.isfinite(np.stack(buffer.windows)).all()


def test_a_bridged_gap_is_never_longer_than_a_hop(library):
    """Else two windows could fall due at once, and one be lost."""
    buffer = Buffer(library, 1 << 31)
    assert buffer.add(0, [0, 0, 1]) == FILLING
    assert buffer.add(HOP * PERIOD, [0, 0, 1]) == FILLING
    assert buffer.add(2 * HOP * PERIOD + 1, [0, 0, 1]) == RESTARTED


def test_a_model_in_clip_mode_compiles_to_nothing(exported, sources, compiler, tmp_path):
    """So that a project may compile all of `src/` whatever the model."""
    source = sources / "src" / "window_buffer.c"
    result = tmp_path / "window_buffer.o"
    compiler("gcc", "-std=c99", "-c", f"-I{exported}", source, "-o", result)
    compiler("g++", "-std=c++11", "-x", "c++", "-c", f"-I{exported}", source, "-o", result)
    assert b"pskd_window" not in result.read_bytes()
