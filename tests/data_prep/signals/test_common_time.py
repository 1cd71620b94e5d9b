"""The time two streams share, as whole periods."""

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.signals import common_time


def test_later_start_and_whole_periods():
    start, end = common_time(np.array([0.0, 5.0]), np.array([0.05, 4.98]), 0.1, 0.5)
    assert start == 0.05
    assert end == pytest.approx(4.95)


def test_a_whole_number_of_periods_is_kept_whole():
    start, end = common_time(np.array([1.0, 1.7]), np.array([1.0, 1.7]), 0.1, 0.5)
    assert (start, end) == (1.0, pytest.approx(1.7))
    assert end <= 1.7


def test_streams_that_hardly_meet():
    with pytest.raises(UserError) as error:
        common_time(np.array([0.0, 2.0]), np.array([1.75, 9.0]), 0.1, 0.5, "a.txt")
    rule = "Both streams of a clip must share at least 0.5 s"
    assert str(error.value) == f"{rule}. Received: 0.2 s (file: a.txt)"
