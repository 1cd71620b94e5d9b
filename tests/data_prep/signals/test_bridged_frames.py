"""Filling lost frames: a straight line comes back whatever was lost inside it."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_prep.signals import bridge_frames


@given(st.lists(st.booleans(), min_size=2, max_size=30).filter(lambda lost: not all(lost)))
def test_a_ramp_is_restored_between_known_frames_and_held_outside(lost: list[bool]):
    missing = np.array(lost)
    ramp = np.arange(len(lost), dtype=float)[:, None] * [1.0, -2.0]
    filled, longest = bridge_frames(np.where(missing[:, None], np.nan, ramp), missing)
    known = np.flatnonzero(~missing)
    expected = np.clip(np.arange(len(lost)), known[0], known[-1])[:, None] * [1.0, -2.0]
    np.testing.assert_allclose(filled, expected, atol=1e-12)
    runs = "".join("x" if value else " " for value in lost).split()
    assert longest == max(map(len, runs), default=0)
