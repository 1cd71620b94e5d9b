"""Random rotations are rotations of the asked size."""

import numpy as np
import pytest

from pskd_tf.data.views import random_rotations


def test_rotations_are_orthonormal_with_determinant_1():
    turns = random_rotations(np.random.default_rng(0), np.array([0.3, 1.0, 2.0]), 50)
    assert turns.shape == (50, 3, 3) and turns.dtype == np.float32
    product = turns @ turns.transpose(0, 2, 1)
    np.testing.assert_allclose(product, np.tile(np.eye(3), (50, 1, 1)), atol=1e-6)
    np.testing.assert_allclose(np.linalg.det(turns.astype(float)), 1.0, atol=1e-6)


def test_no_angle_is_the_identity():
    turns = random_rotations(np.random.default_rng(0), np.zeros(3), 4)
    np.testing.assert_array_equal(turns, np.tile(np.eye(3), (4, 1, 1)))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_axis_stays_and_the_others_turn_by_the_drawn_angle(axis):
    radians = np.zeros(3)
    radians[axis] = 0.3
    turns = random_rotations(np.random.default_rng(5), radians, 4000).astype(float)
    angles = np.random.default_rng(5).normal(size=(4000, 3))[:, axis] * 0.3
    first, second = (axis + 1) % 3, (axis + 2) % 3
    np.testing.assert_allclose(turns[:, axis], np.tile(np.eye(3)[axis], (4000, 1)), atol=1e-7)
    # A row vector e_first turns to cos e_first + sin e_second.
    np.testing.assert_allclose(turns[:, first, first], np.cos(angles), atol=1e-6)
    np.testing.assert_allclose(turns[:, first, second], np.sin(angles), atol=1e-6)
    assert np.arcsin(turns[:, first, second]).std() == pytest.approx(0.3, rel=0.05)
