"""What a still sensor measures."""

import numpy as np
import pytest

from data_prep.inspection import gravity_at_rest


def still_then_moving(noise: float = 0.005) -> np.ndarray:
    """Two seconds of rest, tilted, then two of swinging at 2 Hz and 1 g."""
    random = np.random.default_rng(0)
    values = np.tile([0.6, 0.0, 0.8], (200, 1)) + random.normal(0, noise, (200, 3))
    values[100:, 0] += np.sin(np.arange(100) * 2 * np.pi * 2 / 50)
    return values


@pytest.mark.parametrize("unit", [1.0, 9.80665, 1000.0, 16384.0])
def test_magnitude_at_rest_in_any_unit(unit: float):
    assert gravity_at_rest(still_then_moving() * unit, 50.0) == pytest.approx(unit, rel=0.002)


def test_no_rest():
    assert gravity_at_rest(still_then_moving()[100:], 50.0) is None


def test_noise_above_three_percent_is_no_rest():
    assert gravity_at_rest(still_then_moving(noise=0.05), 50.0) is None


def test_clip_shorter_than_a_window():
    assert gravity_at_rest(np.ones((24, 3)), 50.0) is None
    assert gravity_at_rest(np.ones((25, 3)), 50.0) == pytest.approx(3**0.5)


def test_free_fall_of_zeros_is_no_rest():
    assert gravity_at_rest(np.zeros((100, 3)), 50.0) is None
