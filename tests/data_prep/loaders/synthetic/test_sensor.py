"""What the ideal accelerometer measures, in closed form."""

import numpy as np
import pytest

from data_prep.loaders.synthetic import STANDARD_GRAVITY, ideal_accelerometer, turn

RATE = 200.0
TIMES = np.arange(50) / RATE
LEVEL = np.tile(np.eye(3), (50, 1, 1))


def test_still_sensor_measures_one_g_upwards():
    measured = ideal_accelerometer(np.ones((50, 3)), LEVEL, RATE)
    assert measured.shape == (48, 3)
    np.testing.assert_allclose(measured, np.tile([0.0, 1.0, 0.0], (48, 1)), atol=1e-12)


@pytest.mark.parametrize("angle", [0.3, -1.0, np.pi / 2])
def test_tilted_still_sensor_sees_gravity_turn_the_other_way(angle: float):
    """Turned by a about x, upwards is (0, cos a, -sin a) for the sensor."""
    measured = ideal_accelerometer(np.zeros((50, 3)), turn("x", np.full(50, angle)), RATE)
    expected = [0.0, np.cos(angle), -np.sin(angle)]
    np.testing.assert_allclose(measured, np.tile(expected, (48, 1)), atol=1e-12)


def test_free_fall_measures_nothing():
    position = np.zeros((50, 3))
    position[:, 1] = -0.5 * STANDARD_GRAVITY * TIMES**2
    np.testing.assert_allclose(ideal_accelerometer(position, LEVEL, RATE), 0, atol=1e-9)


def test_constant_velocity_adds_nothing():
    position = TIMES[:, None] * [3.0, -2.0, 1.0]
    measured = ideal_accelerometer(position, LEVEL, RATE)
    np.testing.assert_allclose(measured, np.tile([0, 1, 0], (48, 1)), atol=1e-9)


def test_circle_points_to_its_centre():
    """Radius r at w rad/s: w^2 r towards the centre; second differences know it to 1e-4."""
    radius, speed = 0.5, 6.0
    angle = speed * TIMES
    position = radius * np.stack([np.cos(angle), np.zeros(50), np.sin(angle)], axis=1)
    measured = ideal_accelerometer(position, LEVEL, RATE)
    size = speed**2 * radius / STANDARD_GRAVITY
    np.testing.assert_allclose(measured[:, 0], -size * np.cos(angle[1:-1]), rtol=1e-4)
    np.testing.assert_allclose(measured[:, 2], -size * np.sin(angle[1:-1]), rtol=1e-4)
