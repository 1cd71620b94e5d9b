"""Signals at a fixed rate: resampling, gaps and lost markers."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from data_prep.errors import UserError
from data_prep.signals import (
    antialias_lowpass,
    bridge_frames,
    fill_lost_markers,
    resample_stamps,
)


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


def test_frequencies_above_the_new_rate_do_not_alias():
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


@pytest.mark.parametrize("factor", [1, 2, 17])
def test_constants_and_ramps_pass_unchanged(factor: int):
    times = np.arange(300)
    values = np.stack([np.full(300, 5.0), 0.25 * times - 3.0], axis=1)
    np.testing.assert_allclose(antialias_lowpass(values, factor), values, atol=1e-9)


@pytest.mark.parametrize(
    ("share_of_new_rate", "low", "high"), [(0.25, 0.99, 1.01), (0.55, 0.0, 0.01)]
)
def test_gain_of_a_sine(share_of_new_rate: float, low: float, high: float):
    factor = 16
    sine = np.sin(2 * np.pi * share_of_new_rate / factor * np.arange(4000))
    middle = antialias_lowpass(sine, factor)[1000:3000]
    assert low <= np.sqrt(2.0 * np.mean(middle**2)) <= high


def test_an_impulse_stays_where_it_is():
    values = np.zeros((401, 2, 3))
    values[200] = 1.0
    response = antialias_lowpass(values, 4)
    assert response.shape == (401, 2, 3)
    np.testing.assert_allclose(response, response[::-1], atol=1e-12)
    assert response[:, 0, 0].argmax() == 200


def test_two_samples_are_enough():
    np.testing.assert_allclose(antialias_lowpass(np.array([1.0, 3.0]), 3), [1.0, 3.0])


@given(st.lists(st.booleans(), min_size=2, max_size=30).filter(lambda lost: not all(lost)))
def test_a_ramp_is_restored_between_known_frames_and_held_outside(lost: list[bool]):
    missing = np.array(lost)
    ramp = np.arange(len(lost), dtype=float)[:, None] * [1.0, -2.0]
    filled, longest = bridge_frames(np.where(missing[:, None], np.nan, ramp), missing)
    known = np.flatnonzero(~missing)
    expected = np.clip(np.arange(len(lost)), known[0], known[-1])[:, None] * [1.0, -2.0]
    np.testing.assert_allclose(filled, expected, atol=1e-12)
    runs = "".join("x" if value else " " for value in lost).split()
    assert longest == max(map(len, runs), default=0)


_RATE = 100.0


def rigid_jump(frames: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Five markers, 10 cm apart, that move up and down together."""
    times = np.arange(frames) / _RATE
    markers = np.zeros((frames, 5, 3))
    markers[:, :, 0] = 0.1 * np.arange(5)
    markers[:, :, 1] = 1.0 + 0.3 * np.sin(2 * np.pi * 2.0 * times)[:, None]
    return times, markers


def test_rigid_motion_comes_back_exactly_within_and_at_the_ends():
    times, markers = rigid_jump()
    lost = markers.copy()
    lost[50:120, 1] = np.nan
    lost[:30, 2] = np.nan
    lost[280:, 3] = np.nan
    filled = fill_lost_markers(times, lost, 1.0)
    np.testing.assert_allclose(filled, markers, atol=1e-12)
    assert np.isnan(lost[60, 1]).all()  # the argument is left as it was


def test_the_offset_goes_straight_through_a_gap():
    times, markers = rigid_jump()
    markers[:, 4, 2] = 0.02 * times  # drifts away from the others
    lost = markers.copy()
    lost[100:150, 4] = np.nan
    np.testing.assert_allclose(fill_lost_markers(times, lost, 1.0), markers, atol=1e-12)


def test_a_gap_over_the_limit_or_a_marker_never_seen():
    times, markers = rigid_jump()
    lost = markers.copy()
    lost[50:120, 1] = np.nan
    assert fill_lost_markers(times, lost, 0.72) is not None  # 0.71 s from seen to seen
    assert fill_lost_markers(times, lost, 0.70) is None
    lost = markers.copy()
    lost[:, 0] = np.nan
    assert fill_lost_markers(times, lost, 100.0) is None


def test_all_markers_lost_together_only_for_a_tenth_of_a_second():
    times, markers = rigid_jump()
    lost = markers.copy()
    lost[100:109] = np.nan
    filled = fill_lost_markers(times, lost, 1.0)
    np.testing.assert_allclose(filled[104], (markers[99] + markers[109]) / 2, atol=1e-12)
    lost[109] = np.nan
    assert fill_lost_markers(times, lost, 1.0) is None


def test_a_marker_that_moves_on_its_own_guides_none():
    times, markers = rigid_jump()
    two = markers[:, :2].copy()
    two[:, 1, 0] += 0.5 * np.sin(2 * np.pi * times)  # its distance varies by 0.35 m
    two[100:150, 0] = np.nan
    assert fill_lost_markers(times, two, 1.0) is None
