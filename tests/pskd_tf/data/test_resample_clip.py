"""Linear resampling in closed form."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pskd_tf.data.features import resample_clip


def _signal(length: int) -> np.ndarray:
    return np.random.default_rng(length).normal(size=(length, 3)).astype(np.float32)


def test_the_same_length_changes_nothing():
    for length in (2, 24, 96, 143):
        signal = _signal(length)
        np.testing.assert_allclose(resample_clip(signal, length), signal, atol=1e-6)


def test_two_samples_become_a_straight_line():
    line = resample_clip(np.array([[0.0, 4.0], [4.0, 0.0]]), 5)
    np.testing.assert_array_equal(line, [[0, 4], [1, 3], [2, 2], [3, 1], [4, 0]])
    assert line.dtype == np.float32


def test_the_position_between_two_samples_is_hand_computed():
    # 4 samples on 3 steps: positions 0, 1.5, 3.
    resampled = resample_clip(np.array([[1.0], [2.0], [6.0], [7.0]]), 3)
    np.testing.assert_array_equal(resampled, [[1], [4], [7]])


@given(length=st.integers(2, 400), steps=st.integers(2, 200))
def test_the_ends_stay_and_a_ramp_stays_straight(length, steps):
    signal = _signal(length)
    resampled = resample_clip(signal, steps)
    assert resampled.shape == (steps, 3)
    np.testing.assert_array_equal(resampled[0], signal[0])
    # The last one comes as a + 1 (b - a), right to a rounding of b - a.
    np.testing.assert_allclose(resampled[-1], signal[-1], atol=1e-6)
    ramp = resample_clip(np.arange(length)[:, None], steps)[:, 0]
    np.testing.assert_allclose(ramp, np.linspace(0, length - 1, steps), rtol=1e-6, atol=1e-6)
