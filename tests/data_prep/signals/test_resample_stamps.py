"""Uneven stamps to a fixed rate: exact on lines, no aliases, stated gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.errors import UserError
from data_prep.signals import resample_stamps


@settings(max_examples=50, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    rate=st.sampled_from([10.0, 25.0, 50.0, 480.0]),
    slope=st.floats(-5.0, 5.0),
)
def test_a_line_comes_back_exactly_at_even_times(seed: int, rate: float, slope: float):
    random = np.random.default_rng(seed)
    stamps = 1.3e9 + np.cumsum(random.uniform(0.001, 0.07, 90))
    values = np.stack([slope * (stamps - stamps[0]) + 1.0, np.full(90, 7.0)], axis=1)
    new, longest = resample_stamps(stamps, values, rate, 1.0)
    assert len(new) == int((stamps[-1] - stamps[0]) * rate + 1e-4) + 1
    expected = slope * np.arange(len(new)) / rate + 1.0
    np.testing.assert_allclose(new[:, 0], expected, atol=1e-5)
    np.testing.assert_allclose(new[:, 1], 7.0, atol=1e-9)
    assert longest == np.diff(stamps).max()


def test_samples_at_the_new_times_are_kept():
    stamps = 100.0 + np.arange(20) / 50.0
    values = np.random.default_rng(0).normal(size=(20, 3))
    new, _ = resample_stamps(stamps, values, 50.0, 1.0)
    np.testing.assert_allclose(new, values, atol=1e-9)


def test_start_and_end_choose_the_times():
    stamps = np.arange(0.0, 2.001, 0.03)
    new, _ = resample_stamps(stamps, stamps, 10.0, 1.0, start_seconds=0.45, end_seconds=1.45)
    np.testing.assert_allclose(new, 0.45 + np.arange(11) / 10.0, atol=1e-9)


def test_what_the_new_rate_cannot_hold_does_not_alias():
    stamps = np.arange(2400) / 480.0
    slow, fast = np.sin(2 * np.pi * 3.0 * stamps), np.sin(2 * np.pi * 33.0 * stamps)
    new, _ = resample_stamps(stamps, np.stack([slow, fast], axis=1), 30.0, 1.0)
    np.testing.assert_allclose(
        new[10:-10, 0], np.sin(2 * np.pi * 3.0 * np.arange(len(new)) / 30.0)[10:-10], atol=0.01
    )
    assert np.abs(new[10:-10, 1]).max() < 0.01  # plain thinning would give a 3 Hz sine of 1


@pytest.mark.parametrize(
    ("stamps", "message"),
    [
        ([0.0], "Resampling needs at least 2 samples. Received: 1 (file: a.txt)"),
        (
            [0.0, 0.1, 1.6],
            "Neighbouring samples must be at most 1 s apart. "
            "Received: 1.5 s after sample 1 (file: a.txt)",
        ),
        (
            [0.0, 0.2, 0.1],
            "Time stamps must ascend without duplicates. Received: others (file: a.txt)",
        ),
        (
            [0.0, 0.2, 0.2],
            "Time stamps must ascend without duplicates. Received: others (file: a.txt)",
        ),
    ],
)
def test_bad_stamps(stamps: list[float], message: str):
    with pytest.raises(UserError) as error:
        resample_stamps(np.array(stamps), np.zeros((len(stamps), 3)), 50.0, 1.0, path="a.txt")
    assert str(error.value) == message


def test_times_outside_the_recording():
    with pytest.raises(UserError, match="within the stamps"):
        resample_stamps(np.array([0.0, 1.0]), np.zeros((2, 3)), 50.0, 1.0, end_seconds=1.1)
