"""Samples in the order of their stamps, duplicates merged, each with its note."""

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.signals import sort_stamps


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
