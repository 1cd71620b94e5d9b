"""The calibration set: stratified, seeded, without repeats."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.errors import UserError
from pskd_tf.compression.convert import calibration_clips


@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.data())
def test_classes_share_evenly_until_they_are_exhausted(labels, data):
    labels = np.array(labels)
    count = data.draw(st.integers(1, len(labels)))
    chosen = calibration_clips(labels, count, seed=data.draw(st.integers(0, 9)))
    assert len(chosen) == count and np.all(np.diff(chosen) > 0)
    classes, available = np.unique(labels, return_counts=True)
    taken = np.array([np.sum(labels[chosen] == one) for one in classes])
    most = taken.max()
    assert np.all((taken == available) | (taken >= most - 1))


def test_the_seed_decides():
    labels = np.repeat(np.arange(5), 20)
    first = calibration_clips(labels, 10, seed=1)
    np.testing.assert_array_equal(first, calibration_clips(labels, 10, seed=1))
    assert not np.array_equal(first, calibration_clips(labels, 10, seed=2))


@pytest.mark.parametrize("count", [0, 6])
def test_an_impossible_count_is_refused(count):
    with pytest.raises(UserError, match=f"takes 1 to 5 clips. Received: {count}"):
        calibration_clips(np.zeros(5), count, seed=0)
