"""Known offsets between closed-form movements are found."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.inspection import best_lag, movement_correlations


def bumps(seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Three Gaussian swings along x, and their second derivative."""
    position = acceleration = np.zeros_like(seconds)
    for middle, width, height in ((1.5, 0.15, 0.3), (3.2, 0.2, -0.4), (4.1, 0.12, 0.2)):
        place = (seconds - middle) / width
        bell = height * np.exp(-(place**2) / 2)
        position = position + bell
        acceleration = acceleration + bell * (place**2 - 1) / width**2
    return position, acceleration


def streams(
    offset: float, length: float = 6.0, rate: float = 50.0, frame_rate: float = 30.0
) -> tuple[np.ndarray, np.ndarray, float]:
    """An ideal sensor, y up, and a joint whose movement shows `offset` seconds later."""
    seconds = np.arange(round(length * rate) + 1) / rate
    sensor = np.zeros((len(seconds), 3))
    sensor[:, 0] = bumps(seconds)[1] / 9.80665
    sensor[:, 1] = 1.0
    frames = np.arange(round(length * frame_rate) + 1) / frame_rate
    joint = np.zeros((len(frames), 3))
    joint[:, 0] = bumps(frames - offset)[0]
    return sensor, joint, length


@settings(max_examples=25)
@given(
    offset=st.floats(-1.2, 1.2),
    rate=st.sampled_from([25.0, 50.0, 100.0, 208.0]),
    frame_rate=st.sampled_from([25.0, 30.0, 60.0]),
)
def test_known_offset_within_one_sample(offset: float, rate: float, frame_rate: float):
    lag = best_lag([movement_correlations(*streams(offset, 6.0, rate, frame_rate))])
    assert lag.seconds == pytest.approx(offset, abs=0.0201 + 0.5 / rate)
    assert lag.best_correlation > 0.9


def test_aligned_streams():
    lag = best_lag([movement_correlations(*streams(0.0))])
    assert lag.seconds == pytest.approx(0.0, abs=0.02)
    assert lag.zero_correlation == pytest.approx(lag.best_correlation, abs=0.01)


def test_turned_sensor_and_camera_do_not_matter():
    sensor, joint, length = streams(0.5)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    plain = movement_correlations(sensor, joint, length)
    turned = movement_correlations(sensor @ turn * 9.81, joint @ turn.T * 1000, length)
    np.testing.assert_allclose(plain, turned, atol=1e-9)


def test_lags_reach_half_the_clip():
    curve = movement_correlations(*streams(0.0, length=2.4))
    assert curve.shape == (201,)
    np.testing.assert_array_equal(np.isfinite(curve), np.abs(np.arange(-100, 101)) <= 60)


def test_group_is_the_mean_where_half_of_the_clips_know_it():
    curves = [np.full(201, np.nan) for _ in range(4)]
    for curve in curves:
        curve[100] = 0.2
    curves[0][120], curves[1][120] = 0.5, 0.3
    curves[2][150] = 0.9  # one of four
    lag = best_lag(curves)
    assert lag.seconds == pytest.approx(0.4)
    assert lag.best_correlation == pytest.approx(0.4)
    assert lag.zero_correlation == pytest.approx(0.2)


@pytest.mark.parametrize("still", [0, 1])
def test_a_still_stream_has_no_lag(still: int):
    moving = list(streams(0.0))
    moving[still] = np.ones_like(moving[still])
    assert movement_correlations(*moving) is None


def test_a_clip_too_short_to_smooth():
    sensor, joint, _ = streams(0.0)
    assert movement_correlations(sensor[:6], joint[:4], 0.1) is None
