"""`activity_filter.c`: smoothing, hysteresis, streaks, and the safe side."""

import ctypes

import numpy as np
import pytest

from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_settings_header
from pskd_tf.settings import InputSettings

UNKNOWN, NO_SIGNAL = -1, -2


class Settings(ctypes.Structure):
    _fields_ = (
        ("smoothing", ctypes.c_float),
        ("enter", ctypes.c_float),
        ("leave", ctypes.c_float),
        ("minimum_windows", ctypes.c_int32),
    )


@pytest.fixture(scope="module")
def library(sources, compiler, tmp_path_factory):
    folder = tmp_path_factory.mktemp("activity_filter")
    interface = Int8Interface((96, 1, 10), 3, 0.02, 0, 0.1, 0)
    header = model_settings_header(
        interface, InputSettings(), ["a", "b", "c"], (2, 9), 1, 1024, 50.0
    )
    (folder / "model_settings.h").write_text(header)
    compiler(
        *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wconversion", "-Wdouble-promotion"),
        *(f"-I{folder}", sources / "src" / "activity_filter.c", "-o", folder / "filter.so"),
    )
    return ctypes.CDLL(str(folder / "filter.so"))


@pytest.fixture
def make_filter(library):
    """Starts a filter; returns its `add` and `lose_signal`."""

    def make(smoothing=1.0, enter=0.6, leave=0.4, minimum_windows=1):
        state = (ctypes.c_uint8 * 256)()
        settings = Settings(smoothing, enter, leave, minimum_windows)
        library.pskd_activity_filter_start(state, ctypes.byref(settings))

        def add(*probabilities):
            return library.pskd_activity_filter_add(state, (ctypes.c_float * 3)(*probabilities))

        return add, lambda: library.pskd_activity_filter_lose_signal(state)

    return make


def test_unknown_below_the_confidence(make_filter):
    add, _ = make_filter()
    assert add(0.55, 0.25, 0.2) == UNKNOWN
    assert add(0.65, 0.25, 0.1) == 0


def test_hysteresis_keeps_what_neither_leaves_nor_is_beaten(make_filter):
    add, _ = make_filter(enter=0.6, leave=0.4)
    assert add(0.1, 0.8, 0.1) == 1
    assert add(0.55, 0.41, 0.04) == 1
    assert add(0.55, 0.39, 0.06) == UNKNOWN
    assert add(0.1, 0.55, 0.35) == UNKNOWN
    assert add(0.1, 0.61, 0.29) == 1
    assert add(0.7, 0.1, 0.2) == 0


def test_a_new_activity_needs_a_streak_and_unknown_does_not(make_filter):
    add, _ = make_filter(enter=0.5, leave=0.1, minimum_windows=3)
    assert [add(0.9, 0.1, 0) for _ in range(3)] == [UNKNOWN, UNKNOWN, 0]
    # Interrupted once by another class: the count begins again.
    sequence = [(0.2, 0.8, 0)] * 2 + [(0.2, 0, 0.8)] + [(0.2, 0.8, 0)] * 3
    assert [add(*window) for window in sequence] == [0] * 5 + [1]
    assert add(0.5, 0.05, 0.45) == UNKNOWN


def test_smoothing_follows_its_closed_form(make_filter):
    """After n windows of class 1 its probability is 1 - (1 - a)^n; enter = 0.7, a = 0.3: n = 4."""
    add, _ = make_filter(smoothing=0.3, enter=0.7, leave=0.2)
    assert add(1, 0, 0) == 0
    expected, share = [], 0.0
    for _ in range(8):
        share += 0.3 * (1 - share)
        expected.append(1 if share >= 0.7 else (0 if 1 - share >= 0.2 else UNKNOWN))
    assert expected == [0, 0, 0, 1, 1, 1, 1, 1]
    assert [add(0, 1, 0) for _ in range(8)] == expected


@pytest.mark.parametrize("bad", [np.nan, np.inf, -0.01, 1.01])
def test_what_is_no_probability_is_unknown_and_forgotten(make_filter, bad):
    add, _ = make_filter(smoothing=0.1)
    assert add(0.9, 0.1, 0) == 0
    assert add(0.9, 0.1, bad) == UNKNOWN
    # Not smoothed with what came before, and not poisoned by it.
    assert add(0, 0.9, 0.1) == 1


def test_a_lost_signal_forgets_streak_and_history(make_filter):
    add, lose_signal = make_filter(smoothing=0.1, minimum_windows=2)
    assert [add(0.9, 0.1, 0), add(0.9, 0.1, 0), add(0.9, 0.1, 0)] == [UNKNOWN, 0, 0]
    assert lose_signal() == NO_SIGNAL
    assert [add(0, 0.9, 0.1), add(0, 0.9, 0.1)] == [UNKNOWN, 1]


def test_random_windows_keep_the_rules(make_filter):
    """Whatever is said was likely enough when it was taken up; nothing else is ever returned."""
    generator = np.random.default_rng(0)
    add, lose_signal = make_filter(smoothing=0.5, enter=0.5, leave=0.3, minimum_windows=2)
    smoothed, said = None, NO_SIGNAL
    for _ in range(3000):
        if generator.random() < 0.02:
            assert lose_signal() == NO_SIGNAL
            smoothed, said = None, NO_SIGNAL
            continue
        window = generator.dirichlet([0.4] * 3)
        smoothed = window if smoothed is None else smoothed + 0.5 * (window - smoothed)
        before, said = said, add(*window)
        assert said in (UNKNOWN, 0, 1, 2)
        if said >= 0:
            assert smoothed[said] >= (0.3 if said == before else 0.5) - 1e-5
        elif before >= 0:
            assert smoothed[before] < 0.3 + 1e-5
