"""`activity_filter.c`: smoothing, hysteresis, streaks, and the safe side."""

import ctypes

import numpy as np
import pytest

from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.headers import model_settings_header
from pskd_tf.input_settings import InputSettings

UNKNOWN, NO_SIGNAL = -1, -2


class Settings(ctypes.Structure):
    _fields_ = (
        ("smoothing", ctypes.c_float),
        ("enter", ctypes.c_float),
        ("leave", ctypes.c_float),
        ("class_floor", ctypes.c_float),
        ("minimum_windows", ctypes.c_int32),
    )


@pytest.fixture(scope="module")
def compile_filter(sources, compiler, tmp_path_factory):
    """The filter of three classes as a library, with a line of its own in the settings."""

    def compile_with(line=""):
        folder = tmp_path_factory.mktemp("activity_filter")
        interface = Int8Interface((96, 1, 10), 3, 0.02, 0, 0.1, 0)
        header = model_settings_header(
            interface, InputSettings(), ["a", "b", "c"], (2, 9), 1, 1024, 50.0
        )
        (folder / "model_settings.h").write_text(f"{line}\n{header}")
        compiler(
            *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wconversion", "-Wdouble-promotion"),
            *(f"-I{folder}", sources / "src" / "activity_filter.c", "-o", folder / "filter.so"),
        )
        return ctypes.CDLL(str(folder / "filter.so"))

    return compile_with


@pytest.fixture(scope="module")
def library(compile_filter):
    return compile_filter()


@pytest.fixture(scope="module")
def null_library(compile_filter):
    """The third class is "none"."""
    return compile_filter("#define PSKD_NULL_CLASS 2")


def _maker(library):
    def make(smoothing=1.0, enter=0.6, leave=0.4, minimum_windows=1, class_floor=0.0):
        state = (ctypes.c_uint8 * 256)()
        settings = Settings(smoothing, enter, leave, class_floor, minimum_windows)
        library.pskd_activity_filter_start(state, ctypes.byref(settings))

        def add(*probabilities):
            return library.pskd_activity_filter_add(state, (ctypes.c_float * 3)(*probabilities))

        return add, lambda: library.pskd_activity_filter_lose_signal(state)

    return make


@pytest.fixture
def make_filter(library):
    """Starts a filter; returns its `add` and `lose_signal`."""
    return _maker(library)


@pytest.fixture
def make_null_filter(null_library):
    """The same with the null class."""
    return _maker(null_library)


def test_a_weight_of_1_takes_the_probabilities_as_they_are(make_filter):
    """Of equal probabilities the first wins, whatever came before: no sum has rounded them."""
    add, _ = make_filter(smoothing=1.0, enter=0.0, leave=0.0)
    generator = np.random.default_rng(0)
    for _ in range(200):
        first, second = generator.uniform(0, 0.5, 2)
        add(first, 1 - first - second, second)
        equal = generator.uniform(0.34, 0.5)
        assert add(equal, 1 - 2 * equal, equal) == 0


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


def test_with_a_null_class_the_score_is_what_it_leaves(make_null_filter):
    """Scores 0.65, 0.3, 0.45, 0.6: taken up from 0.6, given up below 0.4."""
    add, _ = make_null_filter(enter=0.6, leave=0.4)
    assert add(0.1, 0.2, 0.7) == UNKNOWN
    # The largest of all is "none", and each is below 0.6.
    assert add(0.30, 0.34, 0.36) == 1
    assert add(0.25, 0.20, 0.55) == 1
    # From one activity to another, too, only from 0.6 on.
    assert add(0.41, 0.20, 0.39) == 0
    assert add(0.10, 0.29, 0.61) == UNKNOWN
    assert add(0.45, 0.0, 0.55) == UNKNOWN


def test_the_class_floor_is_a_share_of_the_score(make_null_filter):
    """Taken up at 0.35 of 0.65 for a floor of 0.5, not for 0.6; given up at 0.2 of 0.45."""
    for floor, said in ((0.5, 0), (0.6, UNKNOWN)):
        add, _ = make_null_filter(enter=0.6, leave=0.4, class_floor=floor)
        assert add(0.35, 0.30, 0.35) == said
    assert add(0.05, 0.60, 0.35) == 1
    assert add(0.15, 0.30, 0.55) == 1
    assert add(0.25, 0.20, 0.55) == UNKNOWN


def test_without_a_null_class_the_floor_changes_nothing(make_filter):
    windows = np.random.default_rng(1).dirichlet([0.4] * 3, 500)
    said = []
    for floor in (0.0, 1.0):
        add, _ = make_filter(smoothing=0.5, class_floor=floor)
        said.append([add(*window) for window in windows])
    assert said[0] == said[1] and set(said[0]) == {UNKNOWN, 0, 1, 2}


def test_the_null_class_is_smoothed_and_never_said(make_null_filter):
    """After (0, 0, 1) two windows of class 1 leave it 0.5 and 0.25."""
    add, _ = make_null_filter(smoothing=0.5, enter=0.6)
    assert [add(0, 0, 1), add(0, 1, 0), add(0, 1, 0)] == [UNKNOWN, UNKNOWN, 1]
    add, _ = make_null_filter(smoothing=0.5, enter=0.0, leave=0.0)
    windows = np.random.default_rng(2).dirichlet([0.2, 0.2, 0.8], 2000)
    assert {add(*window) for window in windows} == {0, 1}


def test_a_null_class_that_is_not_the_last_does_not_compile(compile_filter):
    with pytest.raises(AssertionError, match="must be the last one"):
        compile_filter("#define PSKD_NULL_CLASS 0")
