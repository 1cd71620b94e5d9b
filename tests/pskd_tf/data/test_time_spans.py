"""Time courses, and reading clips along them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pskd_tf.data.features import read_along, resample_clip
from pskd_tf.data.views import time_spans
from pskd_tf.settings import AugmentationSettings


@given(
    seed=st.integers(0, 2**31),
    warp=st.floats(0, 1.5),
    shift=st.floats(0, 0.45),
)
def test_courses_rise_within_the_clip(seed, warp, shift):
    settings = AugmentationSettings(time_warp=warp, shift=shift)
    courses = time_spans(np.random.default_rng(seed), 7, settings)
    assert courses.shape[0] == 7 and courses.dtype == np.float64
    assert courses.min() >= 0 and courses.max() <= 1
    assert (np.diff(courses, axis=1) >= 0).all()


def test_without_warp_and_shift_the_course_is_even():
    settings = AugmentationSettings(time_warp=0.0, shift=0.0)
    courses = time_spans(np.random.default_rng(0), 3, settings)
    even = np.linspace(0, 1, courses.shape[1])
    np.testing.assert_allclose(courses, np.tile(even, (3, 1)), atol=1e-12)


def test_a_shift_alone_moves_the_ends_by_at_most_its_size():
    settings = AugmentationSettings(time_warp=0.0, shift=0.05)
    courses = time_spans(np.random.default_rng(0), 400, settings)
    starts, ends = courses[:, 0], courses[:, -1]
    # Half of the draws would begin before the clip and are held at its first sample.
    assert 0.45 < (starts == 0).mean() < 0.55 and 0.045 < starts.max() <= 0.05
    assert 0.45 < (ends == 1).mean() < 0.55 and 0.95 <= ends.min() < 0.955
    np.testing.assert_allclose(np.diff(courses[:, 4:-4], n=2, axis=1), 0.0, atol=1e-12)


def test_a_warp_alone_keeps_the_ends():
    settings = AugmentationSettings(time_warp=0.3, shift=0.0)
    courses = time_spans(np.random.default_rng(0), 50, settings)
    np.testing.assert_array_equal(courses[:, 0], 0.0)
    np.testing.assert_allclose(courses[:, -1], 1.0, atol=1e-12)
    even = np.linspace(0, 1, courses.shape[1])
    assert np.abs(courses - even).max() > 0.05


@pytest.mark.parametrize("steps", [24, 96])
def test_the_even_course_resamples(clips, steps):
    settings = AugmentationSettings(time_warp=0.0, shift=0.0)
    courses = time_spans(np.random.default_rng(0), len(clips), settings)
    read = read_along(clips.accelerometer, clips.accelerometer_lengths, courses, steps)
    assert read.shape == (len(clips), steps, 3) and read.dtype == np.float32
    for row, length in enumerate(clips.accelerometer_lengths):
        expected = resample_clip(clips.accelerometer[row, :length], steps)
        np.testing.assert_allclose(read[row], expected, atol=1e-5)


def test_a_course_is_read_by_its_own_positions():
    signal = np.arange(11, dtype=np.float32)[None, :, None]
    # From 0.2 to 0.6 of ten intervals: samples 2, 3, 4, 5, 6; the padding is never read.
    padded = np.concatenate([signal, np.full((1, 5, 1), 1e6, np.float32)], axis=1)
    read = read_along(padded, np.array([11]), np.array([[0.2, 0.6]]), 5)
    np.testing.assert_allclose(read[0, :, 0], [2, 3, 4, 5, 6], atol=1e-5)
    whole = read_along(padded, np.array([11]), np.array([[0.0, 1.0]]), 3)
    np.testing.assert_allclose(whole[0, :, 0], [0, 5, 10], atol=1e-5)
