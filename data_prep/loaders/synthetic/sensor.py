"""What an ideal accelerometer on the synthetic forearm measures."""

import numpy as np

STANDARD_GRAVITY = 9.80665  # m/s^2


def ideal_accelerometer(
    position: np.ndarray, orientation: np.ndarray, rate_hz: float
) -> np.ndarray:
    """Computes the specific force a sensor measures: acceleration minus gravity, in its frame.

    f = R^T (x'' - g) / 9.80665 with g = (0, -9.80665, 0), x'' by central second differences. A
    still sensor so measures 1 g upwards.

    Args:
        position: (times, 3) in metres, y up.
        orientation: (times, 3, 3); the columns are the sensor's axes in the world.
        rate_hz: Samples per second of both.

    Returns:
        (times - 2, 3) in g: the first and last time have no second difference.
    """
    second = (position[2:] - 2.0 * position[1:-1] + position[:-2]) * rate_hz**2
    second = second + np.array([0.0, STANDARD_GRAVITY, 0.0])
    return np.einsum("tji,tj->ti", orientation[1:-1], second) / STANDARD_GRAVITY
