"""Time stamps: from text to seconds, sorted, spread where they are coarse."""

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.stamps import sort_stamps, stamp_seconds


def test_ascending_stamps_are_left_alone():
    stamps, values, flags = sort_stamps(np.arange(5.0), np.arange(10.0).reshape(5, 2))
    assert (stamps.tolist(), values[:, 0].tolist(), flags) == ([0, 1, 2, 3, 4], [0, 2, 4, 6, 8], ())


def test_sorting_moves_the_values_too():
    stamps, values, flags = sort_stamps(
        np.array([0.0, 1, 3, 2, 4, 5]), np.array([0.0, 1, 3, 2, 4, 5])
    )
    assert stamps.tolist() == values.tolist() == [0, 1, 2, 3, 4, 5]
    assert flags == ("stamps_sorted",)


def test_duplicates_become_their_mean():
    stamps, values, flags = sort_stamps(
        np.array([0.0, 1, 1, 1, 2]), np.array([[0.0], [1], [2], [6], [4]])
    )
    assert stamps.tolist() == [0, 1, 2]
    assert values.tolist() == [[0], [3], [4]]
    assert flags == ("duplicates_merged",)


def test_shuffled_stamps_are_not_believed():
    stamps = np.random.default_rng(0).permutation(100.0 + np.arange(80))
    with pytest.raises(UserError, match=r"At most 25% of the time stamps may step back.*a\.txt"):
        sort_stamps(stamps, np.zeros(80), "a.txt")


def test_clock_that_starts_again_is_refused_by_its_step():
    """Sorted, the two halves would be interleaved."""
    stamps = np.concatenate([np.arange(30), np.arange(30)]) / 10
    message = r"step back over more than 10 samples\. Received: from 2\.9 to 0 s at sample 30"
    with pytest.raises(UserError, match=message):
        sort_stamps(stamps, np.zeros(60), "a.txt")


def test_clock_set_back_by_a_quarter_of_a_second_is_refused():
    stamps = np.arange(100) / 50
    stamps[60:] -= 0.25
    with pytest.raises(UserError, match=r"from 1\.18 to 0\.95 s at sample 60"):
        sort_stamps(stamps, np.zeros(100))


@pytest.mark.parametrize(("start", "length"), [(50, 2), (50, 10), (95, 5), (0, 10)])
def test_few_samples_out_of_order_are_sorted(start: int, length: int):
    order = np.arange(100)
    late = order[start : start + length].copy()
    order = np.insert(np.delete(order, late), max(0, start - 20) or 20, late)
    stamps, values, flags = sort_stamps(order / 50, order.astype(float))
    np.testing.assert_array_equal(values, np.arange(100))
    np.testing.assert_array_equal(stamps, np.arange(100) / 50)
    assert flags == ("stamps_sorted",)


@pytest.mark.parametrize("resolution", [0.04, 0.1, 0.4])
def test_coarse_stamps_are_spread_at_their_rate(resolution: float):
    """50 Hz with stamps of 0.1 s: four of five samples would be merged away."""
    seconds = np.arange(200) / 50
    coarse = np.floor(seconds / resolution + 1e-9) * resolution
    stamps, values, flags = sort_stamps(coarse, np.sin(seconds))
    np.testing.assert_allclose(stamps, seconds, atol=1e-9)
    np.testing.assert_array_equal(values, np.sin(seconds))
    assert flags == ("stamps_respaced",)


def test_coarse_stamps_that_do_not_divide_the_rate():
    seconds = np.arange(200) / 50
    stamps, _, _ = sort_stamps(np.floor(seconds / 0.15 + 1e-9) * 0.15, seconds)
    assert np.abs(stamps - seconds).max() <= 0.02
    assert np.diff(stamps).min() > 0.019


def test_first_coarse_stamp_may_have_begun_before_the_recording():
    seconds = 0.06 + np.arange(200) / 50
    stamps, _, _ = sort_stamps(np.floor(seconds / 0.1 + 1e-9) * 0.1, seconds)
    np.testing.assert_allclose(stamps, seconds, atol=1e-9)


def test_slow_drift_under_coarse_stamps_is_kept():
    seconds = np.cumsum(1 / np.linspace(48, 52, 400))
    stamps, _, flags = sort_stamps(np.floor(seconds / 0.1) * 0.1, seconds)
    assert np.abs(stamps - seconds).max() < 0.1
    assert flags == ("stamps_respaced",)


def test_coarse_stamps_with_lost_samples_are_refused():
    seconds = np.arange(200) / 50
    coarse = np.delete(np.floor(seconds / 0.1 + 1e-9) * 0.1, np.s_[100:115])
    with pytest.raises(UserError, match=r"must fit one rate\. Received: 5 samples in 0\.4 s"):
        sort_stamps(coarse, np.arange(185.0))


def test_rows_written_twice_are_merged():
    twice = np.repeat(np.arange(20) / 50, 2)
    stamps, values, flags = sort_stamps(twice, twice)
    np.testing.assert_array_equal(stamps, np.arange(20) / 50)
    assert (len(values), flags) == (20, ("duplicates_merged",))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("20181016_13:37:28.612000", 1539697048.612),
        ("20181016_13:37:28", 1539697048.0),
        ("2018-10-16 13:37:28.612", 1539697048.612),
        ("2018-10-16T14:37:28.612+01:00", 1539697048.612),
        (" 1539697048612.0 ", 1539697048.612),
        ("1539697048.612", 1539697048.612),
    ],
)
def test_one_moment_in_all_forms(text: str, seconds: float):
    assert stamp_seconds(text) == pytest.approx(seconds, abs=1e-6)


@pytest.mark.parametrize("text", ["", "time", "nan", "9.81", "20181016", "1e300", "13:37:28", "-1"])
def test_text_that_is_no_stamp(text: str):
    assert stamp_seconds(text) is None
