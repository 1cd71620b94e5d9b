"""Lost markers come back from their neighbours: exact on rigid motion, refused where unknown."""

import numpy as np

from data_prep.signals import fill_lost_markers

_RATE = 100.0


def rigid_jump(frames: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Five markers, 10 cm apart, that move up and down together."""
    times = np.arange(frames) / _RATE
    markers = np.zeros((frames, 5, 3))
    markers[:, :, 0] = 0.1 * np.arange(5)
    markers[:, :, 1] = 1.0 + 0.3 * np.sin(2 * np.pi * 2.0 * times)[:, None]
    return times, markers


def test_rigid_motion_comes_back_exactly_within_and_at_the_ends():
    times, markers = rigid_jump()
    lost = markers.copy()
    lost[50:120, 1] = np.nan
    lost[:30, 2] = np.nan
    lost[280:, 3] = np.nan
    filled = fill_lost_markers(times, lost, 1.0)
    np.testing.assert_allclose(filled, markers, atol=1e-12)
    assert np.isnan(lost[60, 1]).all()  # the argument is left as it was


def test_the_offset_goes_straight_through_a_gap():
    times, markers = rigid_jump()
    markers[:, 4, 2] = 0.02 * times  # drifts away from the others
    lost = markers.copy()
    lost[100:150, 4] = np.nan
    np.testing.assert_allclose(fill_lost_markers(times, lost, 1.0), markers, atol=1e-12)


def test_a_gap_over_the_limit_or_a_marker_never_seen():
    times, markers = rigid_jump()
    lost = markers.copy()
    lost[50:120, 1] = np.nan
    assert fill_lost_markers(times, lost, 0.72) is not None  # 0.71 s from seen to seen
    assert fill_lost_markers(times, lost, 0.70) is None
    lost = markers.copy()
    lost[:, 0] = np.nan
    assert fill_lost_markers(times, lost, 100.0) is None


def test_all_markers_lost_together_only_for_a_tenth_of_a_second():
    times, markers = rigid_jump()
    lost = markers.copy()
    lost[100:109] = np.nan
    filled = fill_lost_markers(times, lost, 1.0)
    np.testing.assert_allclose(filled[104], (markers[99] + markers[109]) / 2, atol=1e-12)
    lost[109] = np.nan
    assert fill_lost_markers(times, lost, 1.0) is None


def test_a_marker_that_moves_on_its_own_guides_none():
    times, markers = rigid_jump()
    two = markers[:, :2].copy()
    two[:, 1, 0] += 0.5 * np.sin(2 * np.pi * times)  # its distance varies by 0.35 m
    two[100:150, 0] = np.nan
    assert fill_lost_markers(times, two, 1.0) is None
