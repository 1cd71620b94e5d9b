"""The ten channels in closed form."""

import numpy as np
import pytest

from pskd_tf.data.features import accelerometer_features
from pskd_tf.settings import FEATURE_CHANNELS


def _channel(features: np.ndarray, name: str) -> np.ndarray:
    return features[..., FEATURE_CHANNELS.index(name)]


def test_a_still_sensor_feels_gravity_alone():
    still = np.tile(np.float32([0.5, -1.0, 2.0]), (20, 1))
    features = accelerometer_features(still, 5)
    assert features.shape == (20, 10) and features.dtype == np.float32
    np.testing.assert_array_equal(features[:, :3], still)
    # |(0.5, -1, 2)| = sqrt(0.25 + 1 + 4) = sqrt(5.25)
    np.testing.assert_allclose(features[:, 3], np.sqrt(5.25) - 1, rtol=1e-6)
    np.testing.assert_allclose(features[:, 4:7], still, rtol=1e-6)
    np.testing.assert_allclose(features[:, 7:], 0.0, atol=1e-6)


def test_one_g_has_magnitude_minus_1_of_0():
    features = accelerometer_features(np.tile([0.0, 0.0, 1.0], (4, 1)), 3)
    np.testing.assert_array_equal(_channel(features, "magnitude_minus_1"), 0.0)


def test_an_impulse_spreads_evenly_over_the_taps():
    signal = np.zeros((20, 3))
    signal[10, 1] = 1.0
    features = accelerometer_features(signal, 5)
    expected = np.zeros(20)
    expected[8:13] = 1 / 5
    np.testing.assert_allclose(_channel(features, "gravity_y"), expected, atol=1e-7)
    np.testing.assert_allclose(_channel(features, "linear_y"), signal[:, 1] - expected, atol=1e-7)
    for name in ("x", "z", "gravity_x", "gravity_z", "linear_x", "linear_z"):
        np.testing.assert_array_equal(_channel(features, name), 0.0)


def test_the_first_and_last_samples_repeat_beyond_the_ends():
    signal = np.zeros((20, 3))
    signal[0, 0], signal[-1, 2] = 1.0, 2.0
    features = accelerometer_features(signal, 5)
    # At the first sample three of five taps read it: two repeats and itself.
    np.testing.assert_allclose(
        _channel(features, "gravity_x")[:4], [3 / 5, 2 / 5, 1 / 5, 0], atol=1e-7
    )
    np.testing.assert_allclose(
        _channel(features, "gravity_z")[-4:], [0, 2 / 5, 4 / 5, 6 / 5], atol=1e-7
    )


def test_one_tap_leaves_no_linear_part():
    signal = np.random.default_rng(0).normal(size=(12, 3))
    features = accelerometer_features(signal, 1)
    np.testing.assert_array_equal(features[:, 4:7], features[:, :3])
    np.testing.assert_array_equal(features[:, 7:], 0.0)


@pytest.mark.parametrize("taps", [3, 17, 31])
def test_gravity_and_the_linear_part_add_up_to_the_signal(taps):
    signal = np.random.default_rng(1).normal(size=(24, 3)).astype(np.float32)
    features = accelerometer_features(signal, taps)
    np.testing.assert_allclose(features[:, 4:7] + features[:, 7:], signal, atol=1e-6)
    padded = np.pad(signal.astype(float), [(taps // 2, taps // 2), (0, 0)], mode="edge")
    mean = [padded[step : step + taps].mean(axis=0) for step in range(24)]
    np.testing.assert_allclose(features[:, 4:7], mean, atol=1e-6)


def test_a_batch_gives_the_same_bits_as_its_clips():
    signal = np.random.default_rng(2).normal(size=(4, 48, 3)).astype(np.float32)
    alone = np.stack([accelerometer_features(clip, 17) for clip in signal])
    np.testing.assert_array_equal(accelerometer_features(signal, 17), alone)
