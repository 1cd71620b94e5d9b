"""Spikes and repeated samples: the smallest cases."""

import numpy as np
import pytest

from data_prep.prepared_set import PreparedSet
from data_prep.sample_notes import has_jump, has_repeated_sample, has_spike, is_disordered

SECONDS = np.arange(100) / 50
MOVED = np.stack([np.sin(3 * SECONDS), np.cos(3 * SECONDS), 0.1 * SECONDS], axis=1)


@pytest.mark.parametrize("place", [1, 50, 98])
def test_one_sample_that_is_off_is_a_spike(place: int):
    assert not has_spike(MOVED)
    values = MOVED.copy()
    values[place, 1] += 0.2
    # At the ends a neighbour on one side is missing.
    assert has_spike(values) == (place == 50)
    values[place, 1] = MOVED[place, 1] + 0.04
    assert not has_spike(values)


def test_an_impact_of_several_samples_is_none():
    values = MOVED.copy()
    values[50:53, 0] += [1.0, 2.0, 1.0]
    assert not has_spike(values)
    noise = np.random.default_rng(0).normal(0, 0.3, (100, 3))
    assert not has_spike(noise)


def test_lines_that_are_lost_make_a_jump():
    assert not has_jump(MOVED)
    assert has_jump(np.delete(MOVED, range(40, 60), axis=0))
    turned = MOVED.copy()
    turned[50:] = turned[50:, [1, 0, 2]]
    assert has_jump(turned)
    assert not has_jump(np.delete(MOVED, range(60), axis=0))
    fast = MOVED + 0.3 * np.random.default_rng(0).normal(size=(100, 3))
    assert not has_jump(fast)


def test_a_sample_written_twice():
    assert not has_repeated_sample(MOVED)
    assert has_repeated_sample(np.insert(MOVED, 50, MOVED[50], axis=0))
    still = MOVED.copy()
    still[40:60] = still[40]
    assert not has_repeated_sample(still)  # another doubt: the sensor stays the same
    counts = np.round(64 * MOVED)
    assert not has_repeated_sample(counts)  # as coarse as its steps


def test_shuffled_samples():
    shuffled = np.random.default_rng(0).permutation(MOVED)
    assert is_disordered(shuffled, 0.02)
    assert not is_disordered(MOVED, 0.02)
    noise = np.random.default_rng(0).normal(0, 0.02, (100, 3))
    assert not is_disordered(noise, 0.02)  # a sensor at rest


@pytest.mark.filterwarnings("error")
def test_numbers_that_are_too_large_to_square():
    values = MOVED.copy()
    values[50, 0] = 1e300
    assert has_spike(values)
    assert not has_repeated_sample(values)
    assert not has_jump(values)
    assert not is_disordered(values, 0.02)


def test_real_recordings_are_in_order_and_repeat_no_sample(real_utd: PreparedSet):
    for index in range(0, len(real_utd), 20):
        for values in (real_utd.accelerometer(index), real_utd.skeleton(index)):
            assert not has_repeated_sample(values)
            assert not is_disordered(values, 0.02)
