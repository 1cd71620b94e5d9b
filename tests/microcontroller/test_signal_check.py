"""`signal_check.c`: a sensor that hangs, and one that lies still."""

import ctypes

import numpy as np
import pytest


@pytest.fixture(scope="module")
def make_check(sources, compiler, tmp_path_factory):
    library = tmp_path_factory.mktemp("signal_check") / "check.so"
    compiler(
        *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wconversion", "-Wdouble-promotion"),
        *(sources / "src" / "signal_check.c", "-o", library, "-lm"),
    )
    loaded = ctypes.CDLL(str(library))

    def make(maximum_same):
        state = (ctypes.c_uint8 * 64)()
        loaded.pskd_signal_check_start(state, maximum_same)
        return lambda *sample: loaded.pskd_signal_check_add(state, (ctypes.c_float * 3)(*sample))

    return make


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_stuck_axis_is_a_lost_signal_until_it_moves(make_check, axis):
    check = make_check(5)
    samples = np.random.default_rng(0).normal(size=(20, 3))
    samples[6:14, axis] = 16.0  # also the end of the range
    good = [check(*sample) for sample in samples]
    assert good == [1] * 10 + [0] * 4 + [1] * 6


def test_no_numbers_count_as_no_change(make_check):
    check = make_check(4)
    assert [check(np.nan, 1, step) for step in range(6)] == [1, 1, 1, 0, 0, 0]
    assert check(0.5, 2, 9) == 1
    assert [check(np.inf, step, step) for step in range(3, 7)] == [1, 1, 0, 0]


def test_zero_never_loses_the_signal(make_check):
    check = make_check(0)
    assert {check(0, 0, 1) for _ in range(1000)} == {1}
