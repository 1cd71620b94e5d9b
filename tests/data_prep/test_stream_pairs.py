"""The common time of two streams, and both of them resampled to it."""

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.stream_pairs import StampedStream, common_time, even_pair


def test_later_start_and_whole_periods():
    start, end = common_time(np.array([0.0, 5.0]), np.array([0.05, 4.98]), 0.1, 0.5)
    assert start == 0.05
    assert end == pytest.approx(4.95)


def test_a_whole_number_of_periods_is_kept_whole():
    start, end = common_time(np.array([1.0, 1.7]), np.array([1.0, 1.7]), 0.1, 0.5)
    assert (start, end) == (1.0, pytest.approx(1.7))
    assert end <= 1.7


def test_streams_with_too_little_common_time():
    with pytest.raises(UserError) as error:
        common_time(np.array([0.0, 2.0]), np.array([1.75, 9.0]), 0.1, 0.5, "a.txt")
    rule = "Both streams of a clip must share at least 0.5 s"
    assert str(error.value) == f"{rule}. Received: 0.2 s (file: a.txt)"


def test_both_streams_start_and_end_together():
    stamps, frames = 100 + np.arange(0, 200) / 97, 100.31 + np.arange(0, 30) / 15.2
    sensor = StampedStream(stamps, stamps[:, None] * [1.0, 2.0], 30.0, 0.5, "sensor.csv")
    skeleton = StampedStream(frames, np.repeat(frames, 6).reshape(-1, 2, 3), 15.0, 0.5, "pose.csv")
    pair = even_pair(sensor, skeleton)
    assert (pair.sensor.shape, pair.skeleton.shape) == ((53, 2), (27, 2, 3))
    assert (pair.start, pair.end) == (100.31, pytest.approx(100.31 + 26 / 15))
    np.testing.assert_allclose(pair.sensor[::2, 0], pair.skeleton[:, 0, 0], atol=1e-4)
    alone = even_pair(sensor, None)
    assert alone.skeleton is None and alone.start == 100.0
    assert len(alone.sensor) == 62  # 199 / 97 s at 30 Hz
    with pytest.raises(UserError, match=r"at most 0\.5 s apart.*pose\.csv"):
        even_pair(sensor, StampedStream(frames[::10], frames[::10, None], 15.0, 0.5, "pose.csv"))
