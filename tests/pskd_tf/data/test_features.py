"""The preprocessing: resampling, channels of either stream, windows."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from pskd_tf.data.features import (
    accelerometer_features,
    resample_clip,
    skeleton_features,
    window_samples,
)
from pskd_tf.data.views import evaluation_views, plain_views, random_views
from pskd_tf.input_settings import FEATURE_CHANNELS, InputSettings


def _channel(features: np.ndarray, name: str) -> np.ndarray:
    return features[..., FEATURE_CHANNELS.index(name)]


def test_a_still_sensor_measures_gravity_alone():
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


PARENTS = (-1, 0, 1)


@pytest.fixture
def joints() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 6, 3, 3)).astype(np.float32)


def _parts(joints: np.ndarray, root_joint: int = 0) -> np.ndarray:
    """Features as `(batch, frames, joints, kind, axis)`; kinds: position, velocity, bone."""
    features = skeleton_features(joints, PARENTS, root_joint)
    assert features.shape == (*joints.shape[:2], 27) and features.dtype == np.float32
    return features.reshape(*joints.shape[:3], 3, 3)


def test_positions_and_bones_do_not_see_where_the_body_stands(joints):
    here, there = _parts(joints), _parts(joints + np.float32([0.5, -2.0, 3.0]))
    np.testing.assert_allclose(here, there, atol=1e-6)


def test_positions_are_from_the_root_and_bones_from_the_parent(joints):
    parts = _parts(joints, root_joint=1)
    np.testing.assert_array_equal(parts[..., 0, :], joints - joints[:, :, 1:2])
    np.testing.assert_array_equal(parts[:, :, 1, 0], 0.0)
    np.testing.assert_array_equal(parts[:, :, 2, 2], joints[:, :, 2] - joints[:, :, 1])
    np.testing.assert_array_equal(parts[:, :, 1, 2], joints[:, :, 1] - joints[:, :, 0])
    np.testing.assert_array_equal(parts[:, :, 0, 2], 0.0)  # the root has no bone


def test_uniform_motion_of_the_whole_body_is_in_the_velocity_alone(joints):
    step = np.float32([0.25, -0.5, 1.0])
    still = np.tile(joints[:, :1], (1, 6, 1, 1))
    moving = still + np.arange(6, dtype=np.float32)[:, None, None] * step
    parts = _parts(moving)
    np.testing.assert_allclose(parts[:, :-1, :, 1], np.broadcast_to(step, (2, 5, 3, 3)), atol=1e-6)
    np.testing.assert_array_equal(parts[:, -1, :, 1], 0.0)
    np.testing.assert_allclose(parts[..., [0, 2], :], _parts(still)[..., [0, 2], :], atol=1e-6)


def test_the_number_of_channels_equals_that_of_paired_clips(clips, time_clips):
    assert clips.skeleton_channels == 9 * 12
    assert time_clips.skeleton_channels == 18
    one = skeleton_features(clips.skeleton[:1], clips.joint_parents, clips.root_joint)
    assert one.shape[-1] == clips.skeleton_channels


WINDOWS = InputSettings(mode="window", steps=24, window_hop=10, skeleton_frames=12, gravity_taps=1)


def ramp(length: int) -> np.ndarray:
    return np.repeat(np.arange(length, dtype=np.float32)[:, None], 3, axis=1)


def test_windows_start_every_hop_and_leave_out_the_rest():
    windows = window_samples(ramp(60), 50.0, WINDOWS)
    assert windows.samples.shape == (4, 24, 3)
    np.testing.assert_array_equal(windows.samples[:, 0, 0], [0, 10, 20, 30])
    np.testing.assert_array_equal(windows.samples[:, -1, 2], [23, 33, 43, 53])
    np.testing.assert_allclose(windows.spans[2], [20 / 59, 43 / 59])


def test_a_clip_shorter_than_a_window_is_held_at_its_end():
    windows = window_samples(ramp(10), 50.0, WINDOWS)
    assert windows.samples.shape == (1, 24, 3)
    np.testing.assert_array_equal(windows.samples[0, :, 0], [*range(10), *[9] * 14])
    np.testing.assert_array_equal(windows.spans, [[0.0, 1.0]])


def test_another_rate_is_resampled_to_the_windows_rate():
    windows = window_samples(ramp(100), 100.0, WINDOWS)  # 50 samples at 50 Hz
    assert windows.samples.shape == (3, 24, 3)
    np.testing.assert_allclose(windows.samples[1, :, 0], 20 + 2 * np.arange(24), atol=1e-5)


def test_no_window_crosses_a_clip(time_clips):
    """The padding beyond a clip's end is zero; the clips rise from 0 to 1."""
    views = evaluation_views(time_clips, ["accelerometer", "skeleton"], WINDOWS)
    x = views.streams["accelerometer"][:, :, 0, 0]
    assert (np.diff(x, axis=1) > 0).all()
    counts = np.bincount(views.rows)
    lengths = time_clips.accelerometer_lengths
    np.testing.assert_array_equal(counts, (lengths - 24) // 10 + 1)


def test_both_modalities_of_a_window_show_the_same_time(time_clips):
    views = evaluation_views(time_clips, ["accelerometer", "skeleton"], WINDOWS)
    sensor = views.streams["accelerometer"][:, :, 0, 0]
    joint = views.streams["skeleton"].reshape(len(views.rows), 12, 2, 9)[:, :, 1, 0]
    np.testing.assert_allclose(sensor[:, [0, -1]], joint[:, [0, -1]], atol=1e-5)


def test_random_windows_have_the_windows_length_and_stay_in_the_clip(time_clips, no_augmentation):
    rows = np.tile(np.arange(5), 200)
    views = random_views(
        time_clips,
        rows,
        ["accelerometer"],
        np.random.default_rng(0),
        WINDOWS,
        no_augmentation,
    )
    x = views["accelerometer"][:, :, 0, 0]
    extent = x[:, -1] - x[:, 0]
    expected = 23 / (time_clips.accelerometer_lengths[rows] - 1)
    np.testing.assert_allclose(extent, expected, atol=1e-5)
    assert x.min() >= 0 and x.max() <= 1 + 1e-6
    longest = x[rows == 4]
    assert longest[:, 0].min() < 0.02 and longest[:, -1].max() > 0.98


def test_in_clip_mode_every_clip_is_its_own_view(time_clips):
    inputs = InputSettings(steps=24, skeleton_frames=12)
    views = evaluation_views(time_clips, ["accelerometer"], inputs)
    np.testing.assert_array_equal(views.rows, range(5))
    plain = plain_views(time_clips, ["accelerometer"], inputs)
    np.testing.assert_array_equal(views.streams["accelerometer"], plain["accelerometer"])


@pytest.mark.parametrize("change", [{"window_rate_hz": 0.0}, {"window_hop": 0}])
def test_a_window_needs_a_rate_and_a_hop(change):
    with pytest.raises(ValueError, match=r"window_(rate|hop) must be positive"):
        InputSettings(mode="window", **change)
