"""Windows of fixed rate, length and hop: where they lie, and that none crosses its clip."""

import numpy as np
import pytest

from pskd_tf.data.features import window_samples
from pskd_tf.data.views import evaluation_views, plain_views, random_views
from pskd_tf.settings import InputSettings

WINDOWS = InputSettings(mode="window", steps=24, window_hop=10, skeleton_frames=12, gravity_taps=1)


def ramp(length: int) -> np.ndarray:
    return np.repeat(np.arange(length, dtype=np.float32)[:, None], 3, axis=1)


def test_windows_start_every_hop_and_leave_the_rest():
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
    with pytest.raises(ValueError, match="rate and hop must be positive"):
        InputSettings(mode="window", **change)
