"""`segment_detector.c`: where movements start and end, in closed form, and faults."""

import ctypes
import dataclasses

import numpy as np
import pytest

from pskd_tf.data.detector import detect_segments
from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_settings_header
from pskd_tf.input_settings import InputSettings
from pskd_tf.stream_settings import DetectorSettings

RESTING, MOVING, READY, TOO_SHORT, DUPLICATE, NOT_FINITE, RESTARTED = range(7)
MINIMUM, MAXIMUM = 20, 80
PERIOD = 20_000
DEFAULTS = {
    "gravity_weight": 1e-6,
    "energy_weight": 0.2,
    "start_g": 0.5,
    "end_g": 0.1,
    "noise_rise": 0.002,
    "start_noise": 0.0,
    "end_noise": 0.0,
    "lead_samples": 4,
    "rest_samples": 10,
    "maximum_gap_us": 5 * PERIOD,
}


class Settings(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_float) for name in list(DEFAULTS)[:7]),
        ("lead_samples", ctypes.c_int32),
        ("rest_samples", ctypes.c_int32),
        ("maximum_gap_us", ctypes.c_uint32),
    )


class Detector:
    """The C detector; `add` returns the event, and collects (first, last + 1) and samples."""

    def __init__(self, library, **settings):
        self._library = library
        self._state = (ctypes.c_uint8 * (12 * MAXIMUM + 256))()
        self.segments, self.spans, self._calls = [], [], 0
        chosen = Settings(**(DEFAULTS | settings))
        library.pskd_segment_detector_start(self._state, ctypes.byref(chosen))

    def add(self, time_us, sample):
        sample = np.ascontiguousarray(sample, np.float32)
        time = ctypes.c_uint32(int(time_us) % (1 << 32))
        pointer = sample.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        event = self._library.pskd_segment_detector_add(self._state, time, pointer)
        self._calls += 1
        if event == READY:
            length, after = np.frombuffer(self._state, np.int32, 2, 12 * MAXIMUM)
            held = np.frombuffer(self._state, np.float32, 3 * length)
            self.segments.append(held.reshape(length, 3).copy())
            self.spans.append((self._calls - after - length, self._calls - after))
        return event

    def add_all(self, samples, times=None):
        times = np.arange(len(samples)) * PERIOD if times is None else times
        return [self.add(*pair) for pair in zip(times, samples, strict=True)]


@pytest.fixture(scope="module")
def library(sources, compiler, tmp_path_factory):
    folder = tmp_path_factory.mktemp("segment_detector")
    interface = Int8Interface((96, 1, 10), 3, 0.02, 0, 0.1, 0)
    header = model_settings_header(
        interface, InputSettings(), ["a", "b", "c"], (MINIMUM, MAXIMUM), 1, 1024, 50.0
    )
    (folder / "model_settings.h").write_text(header)
    compiler(
        *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wconversion", "-Wdouble-promotion"),
        *(f"-I{folder}", sources / "src" / "segment_detector.c"),
        *("-o", folder / "detector.so", "-lm"),
    )
    return ctypes.CDLL(str(folder / "detector.so"))


def _burst(still, moving, after, amplitude=1.0):
    """Stillness, a square wave of the shortest period on x, stillness; in g."""
    samples = np.tile(np.array([0, 0, 1], np.float32), (still + moving + after, 1))
    samples[still : still + moving, 0] = amplitude * (-1.0) ** np.arange(moving)
    return samples


def test_a_burst_in_silence_has_the_span_of_the_closed_form(library):
    """Energy rises as 1 - 0.8^k: 0.25 at k = 2. It falls as 0.8^m: below 0.01 at m = 21."""
    samples = _burst(50, 40, 60)
    detector = Detector(library)
    events = detector.add_all(samples)
    assert detector.spans == [(51 - 4, 90 + 20)]
    np.testing.assert_array_equal(detector.segments[0], samples[47:110])
    assert events.index(MOVING) == 51 and events.index(READY) == 90 + 20 + 10 - 1
    assert set(events) == {RESTING, MOVING, READY}


def test_hysteresis_holds_what_would_not_have_started(library):
    """At 0.3 g nothing starts (0.5 g does), but what runs goes on (0.1 g ends it)."""
    weak = Detector(library)
    assert set(weak.add_all(_burst(30, 60, 40, 0.3))) == {RESTING}
    both = np.concatenate([_burst(30, 10, 0), _burst(0, 40, 60, 0.3)])
    detector = Detector(library)
    detector.add_all(both)
    # 0.09 * 0.8^m < 0.01 at m = 10.
    assert detector.spans == [(31 - 4, 80 + 9)]


def test_a_rest_shorter_than_asked_for_does_not_end_it(library):
    samples = np.concatenate([_burst(30, 15, 25), _burst(0, 15, 60)])
    longer, shorter = Detector(library, rest_samples=6), Detector(library, rest_samples=5)
    for detector in (longer, shorter):
        detector.add_all(samples)
    assert len(longer.spans) == 1 and longer.spans[0][0] == 27
    assert [end for _, end in shorter.spans] == [45 + 20, 85 + 20]


def test_what_is_too_short_is_left_out(library):
    """Two samples move the energy above 0.25; the fall takes 17 more: 4 + 1 + 17 < MINIMUM + 3."""
    detector = Detector(library, lead_samples=0)
    events = detector.add_all(_burst(30, 2, 60))
    assert events.count(TOO_SHORT) == 1 and not detector.spans
    assert events[-1] == RESTING


def test_what_is_too_long_is_cut_and_goes_on(library):
    """200 moving samples: 4 + 199 + 20 = 223 are two of the longest and one of 63."""
    samples = _burst(50, 200, 60)
    detector = Detector(library)
    detector.add_all(samples)
    assert detector.spans == [(47, 127), (127, 207), (207, 270)]
    np.testing.assert_array_equal(np.concatenate(detector.segments), samples[47:270])


def test_a_rest_that_spans_a_cut_leaves_nothing_behind(library):
    """The longest segment ends within the rest: its tail is no second segment."""
    for moving in range(40, 64):
        detector = Detector(library, rest_samples=30)
        events = detector.add_all(_burst(50, moving, 90))
        assert detector.spans[0] == (47, min(50 + moving + 20, 127))
        assert len(detector.spans) == 1 and events[-1] == RESTING


def test_turning_the_wrist_is_a_movement_and_its_new_place_a_rest(library):
    """Gravity goes from z to x; with weight 0.1 what is left of it falls as 0.9^n."""
    samples = np.tile(np.array([0, 0, 1], np.float32), (200, 1))
    samples[60:] = [1, 0, 0]
    detector = Detector(library, gravity_weight=0.1, start_g=0.3)
    events = detector.add_all(samples)
    assert len(detector.spans) == 1 and detector.spans[0][0] == 60 - 4
    assert events[-1] == RESTING


_ENDS = ("start", "end")


def _reference(samples, settings):
    """The formula of the header in numpy's float32; (first, last + 1) of each segment."""
    one = np.float32
    gravity, energy, noise = samples[0].copy(), one(0), None
    least = {name: one(settings[f"{name}_g"]) * one(settings[f"{name}_g"]) for name in _ENDS}
    multiple = {name: one(settings[f"{name}_noise"]) for name in _ENDS}
    spans, moving, quiet, first, newest = [], False, 0, 0, 1
    for index in range(1, len(samples)):
        high = samples[index] - gravity
        square = (high[0] * high[0] + high[1] * high[1]) + high[2] * high[2]
        energy = energy + one(settings["energy_weight"]) * (square - energy)
        gravity = gravity + one(settings["gravity_weight"]) * high
        risen = energy if noise is None else noise + one(settings["noise_rise"]) * noise
        noise = max(min(risen, energy), one(1e-6))
        start, end = (max(least[name], multiple[name] * noise) for name in _ENDS)
        newest = index + 1
        if not moving:
            if energy >= start:
                moving, quiet = True, 0
                first = max(index - settings["lead_samples"], first)
        else:
            quiet = quiet + 1 if energy < end else 0
        if moving and quiet >= settings["rest_samples"]:
            moving = False
            if newest - quiet - first >= MINIMUM:
                spans.append((first, newest - quiet))
            first = max(first, 0)
        elif moving and newest - first == MAXIMUM:
            if newest - quiet - first >= MINIMUM:
                spans.append((first, newest - quiet))
            first = newest
    return spans


def test_random_movements_are_those_of_the_formula_in_float32(library):
    """Sample for sample; 40 streams of bursts of every strength and length."""
    generator = np.random.default_rng(0)
    total = 0
    for _ in range(40):
        strength = np.repeat(generator.choice([0.02, 0.1, 0.4, 1.5], 12), 40)
        samples = generator.normal(0, 1, (480, 3)) * strength[:, None] + [0, 0, 1]
        samples = samples.astype(np.float32)
        start_noise = generator.choice([0.0, 0.0, 3.0, 8.0])
        settings = DEFAULTS | {
            "gravity_weight": generator.choice([0.02, 0.1]),
            "lead_samples": int(generator.integers(0, 12)),
            "rest_samples": int(generator.integers(1, 20)),
            "start_noise": start_noise,
            "end_noise": start_noise * generator.uniform(0.2, 1),
            "noise_rise": generator.choice([0, 0.002, 0.05]),
        }
        detector = Detector(library, **settings)
        detector.add_all(samples)
        assert detector.spans == _reference(samples, settings)
        for (first, end), segment in zip(detector.spans, detector.segments, strict=True):
            np.testing.assert_array_equal(segment, samples[first:end])
        total += len(detector.spans)
    assert total > 100


def _drawn_settings(generator):
    """Settings around those of streams, as far apart as a training draws them, and beyond."""
    factor = lambda spread: float(np.exp(generator.normal(0, spread)))  # noqa: E731
    start_g = 0.1 * factor(0.6)
    start_noise = generator.choice([0.0, 8.0]) * factor(0.4)
    return DetectorSettings(
        start_g=start_g,
        end_g=start_g * generator.uniform(0.3, 1),
        start_noise=start_noise,
        end_noise=start_noise * generator.uniform(0.2, 1),
        noise_rise=generator.choice([0.0, 0.002, 0.05]),
        gravity_weight=min(1.0, 0.04 * factor(0.7)),
        energy_weight=min(1.0, 0.2 * factor(0.5)),
        lead_samples=int(generator.integers(0, 1.5 * MAXIMUM)),
        rest_samples=int(generator.integers(1, 60)),
    )


def test_python_cuts_as_c_does(library):
    """300 streams at once, each with settings and a length of its own: every segment, and when."""
    generator = np.random.default_rng(5)
    count, longest = 300, 900
    strength = generator.choice([0, 0.005, 0.03, 0.1, 0.4, 1.5, 6], (count, longest // 30))
    streams = generator.normal(0, 1, (count, longest, 3)) * np.repeat(strength, 30, 1)[..., None]
    # Postures that change now and then, at once.
    streams += np.repeat(generator.normal(0, 0.6, (count, longest // 150, 3)), 150, 1)
    streams = streams.astype(np.float32)
    lengths = generator.integers(2, longest + 1, count)
    settings = [_drawn_settings(generator) for _ in range(count)]
    found = detect_segments(streams, lengths, settings, MINIMUM, MAXIMUM)
    total = 0
    for row, (stream, length, chosen) in enumerate(zip(streams, lengths, settings, strict=True)):
        detector = Detector(library, **dataclasses.asdict(chosen))
        events = detector.add_all(stream[:length])
        rows = np.flatnonzero(found.stream == row)
        spans = list(zip(found.first[rows], found.end[rows], strict=True))
        assert spans == detector.spans
        assert found.decided[rows].tolist() == [
            at for at, event in enumerate(events) if event == READY
        ]
        total += len(spans)
    assert total == len(found) > 500


def test_a_movement_starts_and_ends_at_multiples_of_the_noise_floor(library):
    """At rest the energy is 1, in units of tremor; a burst of 9 is 9 - 8 * 0.8^j in sample j.

    The floor has settled at 1 and rises as 1.002^j: 8 times that is reached at j = 11. After the
    burst the energy is 1 + 8 * 0.8^m and the floor 1.002^(60 + m): below 4 times that at m = 4.
    """
    tremor = 0.04
    samples = _burst(1, 1300, 0, tremor)
    samples[1001:1061, 0] *= 3
    noise = {"start_noise": 8.0, "end_noise": 4.0}
    floor = Detector(library, start_g=0.02, end_g=0.02, **noise)
    events = floor.add_all(samples)
    assert events.index(MOVING) == 1000 + 11
    assert floor.spans == [(1011 - 4, 1061 + 3)] and events[-1] == RESTING
    # Without it the tremor itself is one movement that never ends.
    without = Detector(library, start_g=0.02, end_g=0.02)
    assert MOVING in without.add_all(samples)[:5] and len(without.spans) == 1300 // MAXIMUM
    # Of energy 7.9 nothing starts, whatever its length.
    samples[1001:1061, 0] *= np.sqrt(7.9) / 3
    assert set(Detector(library, start_g=0.02, end_g=0.02, **noise).add_all(samples)) == {RESTING}


def test_silence_does_not_pull_the_floor_to_nothing(library):
    """Energy 0 for 2,000 samples: 1e-6 is left, and 8 times that is (2.8 thousandths of a g)^2."""
    for amplitude, started in ((0.0025, False), (0.0035, True)):
        settings = {"start_g": 1e-4, "end_g": 1e-4, "start_noise": 8.0, "noise_rise": 0.0}
        events = Detector(library, **settings).add_all(_burst(2000, 60, 0, amplitude))
        assert (MOVING in events) == started


STREAM = {
    "gravity_weight": 0.04,
    "start_g": 0.1,
    "end_g": 0.08,
    "start_noise": 8.0,
    "end_noise": 4.0,
    "lead_samples": 10,
    "rest_samples": 35,
}


@pytest.mark.parametrize("tremor", [0.02, 0.04, 0.08])
@pytest.mark.parametrize("shape", ["noise", "8 Hz"])
def test_tremor_starts_nothing(library, tremor, shape):
    """Ten minutes at 50 Hz, after 30 s in which the floor settles; a movement is found in it."""
    generator = np.random.default_rng(round(1000 * tremor))
    count, settling = 31_500, 1500
    if shape == "noise":
        samples = generator.normal(0, tremor, (count, 3))
    else:
        phases = 2 * np.pi * (8 * np.arange(count)[:, None] / 50 + generator.random(3))
        samples = np.sqrt(2) * tremor * np.sin(phases) + generator.normal(0, 0.005, (count, 3))
    samples += [0, 0, 1]
    detector = Detector(library, **STREAM)
    assert set(detector.add_all(samples[:-1000])[settling:]) == {RESTING}
    # 1.5 g at 3.3 Hz for 0.6 s.
    samples[-600:-570, 0] += 1.5 * np.sin(2 * np.pi * np.arange(30) / 15)
    times = np.arange(count)[-1000:] * PERIOD
    detector.add_all(samples[-1000:], times)
    (span,) = [span for span in detector.spans if span[0] >= settling]
    first, end = (at - (count - 600) for at in span)
    assert -15 <= first <= -5 and 30 <= end < 65


def test_duplicates_and_what_is_not_finite_are_left_out(library):
    samples = _burst(50, 40, 60)
    plain, faulty = Detector(library), Detector(library)
    plain.add_all(samples)
    times = np.arange(len(samples)) * PERIOD
    for time, sample in zip(times, samples, strict=True):
        faulty.add(time, sample)
        assert faulty.add(time, sample) == DUPLICATE
        for bad in (np.nan, np.inf, -np.inf, 3e38):
            assert faulty.add(time + 1, [0, bad, 0]) == NOT_FINITE
    np.testing.assert_array_equal(faulty.segments[0], plain.segments[0])


@pytest.mark.parametrize("jump", [5 * PERIOD, -2 * PERIOD, -(1 << 31), 1 << 31])
def test_a_gap_or_a_jump_forgets_the_movement(library, jump):
    """What lies before is never joined to what comes after."""
    samples = _burst(50, 40, 60)
    times = np.arange(len(samples)) * PERIOD + (1 << 22)
    times[70:] += jump
    detector = Detector(library)
    events = detector.add_all(samples, times)
    assert [at for at, event in enumerate(events) if event == RESTARTED] == [70]
    assert detector.spans and detector.spans[0][0] >= 70


def test_stamps_wrap_around(library):
    samples = _burst(50, 40, 60)
    times = (1 << 32) - 70 * PERIOD + np.arange(len(samples)) * PERIOD
    detector = Detector(library)
    assert RESTARTED not in detector.add_all(samples, times)
    assert detector.spans == [(47, 110)]


def test_a_sensor_that_hangs_while_moving_comes_to_rest(library):
    """Its value becomes gravity: the segment ends instead of running on for ever."""
    samples = np.concatenate([_burst(50, 41, 0), np.tile([1, 0, 1], (300, 1))])
    detector = Detector(library, gravity_weight=0.1)
    events = detector.add_all(samples)
    assert len(detector.spans) == 1 and events[-1] == RESTING


def test_a_lead_longer_than_the_buffer_is_bounded(library):
    detector = Detector(library, lead_samples=1 << 30)
    detector.add_all(_burst(200, 40, 60))
    assert detector.spans[0][1] - detector.spans[0][0] == MAXIMUM


def test_a_model_in_window_mode_compiles_to_nothing(sources, compiler, tmp_path):
    interface = Int8Interface((24, 1, 10), 3, 0.02, 0, 0.1, 0)
    settings = InputSettings(mode="window", steps=24)
    header = model_settings_header(interface, settings, ["a", "b", "c"], (2, 9), 1, 1024, 50.0)
    (tmp_path / "model_settings.h").write_text(header)
    source, result = sources / "src" / "segment_detector.c", tmp_path / "segment_detector.o"
    compiler("gcc", "-std=c99", "-c", f"-I{tmp_path}", source, "-o", result)
    compiler("g++", "-std=c++11", "-x", "c++", "-c", f"-I{tmp_path}", source, "-o", result)
    assert b"pskd_segment" not in result.read_bytes()
