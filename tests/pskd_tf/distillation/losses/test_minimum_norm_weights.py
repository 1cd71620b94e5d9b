"""The shortest mixture of a few vectors under a cap."""

import itertools

import numpy as np
import pytest

from pskd_tf.distillation.losses.features import minimum_norm_weights, onto_capped_simplex


@pytest.mark.parametrize(
    ("vectors", "cap", "expected"),
    [
        # 4 w^2 + (1 - w)^2 is least at w = 1/5; under a cap of 0.6 at w = 0.4.
        ([[2, 0], [0, 1]], 1.0, [0.2, 0.8]),
        ([[2, 0], [0, 1]], 0.6, [0.4, 0.6]),
        # A cap below 1 / K is raised to it.
        ([[2, 0], [0, 1]], 0.1, [0.5, 0.5]),
        # Opposite vectors cancel: -3 w + (1 - w) = 0.
        ([[-3, 0], [1, 0]], 1.0, [0.25, 0.75]),
        ([[1, 2], [1, 2], [1, 2]], 0.6, [1 / 3, 1 / 3, 1 / 3]),
        ([[0, 0], [0, 0]], 0.6, [0.5, 0.5]),
        ([[5, 1]], 0.6, [1.0]),
    ],
)
def test_closed_forms(vectors, cap, expected):
    usable = np.ones(len(vectors), np.float32)
    for scale in (1.0, 1e-12):  # only directions and ratios matter
        weights = minimum_norm_weights(np.float32(vectors) * np.float32(scale), cap, usable)
        np.testing.assert_allclose(weights, expected, atol=1e-4)


def test_an_unusable_vector_has_no_weight():
    vectors = np.float32([[2, 0], [0, 0], [0, 1]])
    weights = minimum_norm_weights(vectors, 1.0, np.float32([1, 0, 1]))
    np.testing.assert_allclose(weights, [0.2, 0, 0.8], atol=1e-4)
    np.testing.assert_array_equal(minimum_norm_weights(vectors, 1.0, np.zeros(3, np.float32)), 0)


@pytest.mark.parametrize("seed", range(4))
def test_no_point_of_a_fine_grid_is_shorter(seed):
    vectors = np.random.default_rng(seed).normal(size=(3, 4)).astype(np.float32) + 0.5
    weights = np.asarray(minimum_norm_weights(vectors, 0.6, np.ones(3, np.float32)))
    assert weights.sum() == pytest.approx(1.0, abs=1e-5)
    assert weights.min() >= 0 and weights.max() <= 0.6 + 1e-6
    grid = [
        (a / 100, b / 100, 1 - (a + b) / 100)
        for a, b in itertools.product(range(61), repeat=2)
        if 40 <= a + b <= 100
    ]
    shortest = np.square(np.array(grid) @ vectors).sum(axis=1).min()
    assert np.square(weights @ vectors).sum() <= shortest + 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_the_projection_meets_its_optimality_conditions(seed):
    generator = np.random.default_rng(seed)
    point = generator.normal(0, 1, 5).astype(np.float32)
    caps = np.float32([0.4, 0.4, 0.0, 0.4, 0.4])
    nearest = np.asarray(onto_capped_simplex(point, caps))
    assert nearest.sum() == pytest.approx(1.0, abs=1e-5)
    assert (nearest >= 0).all() and (nearest <= caps + 1e-6).all()
    # No other feasible point lies in the direction of the given one.
    for _ in range(50):
        other = np.minimum(generator.dirichlet(np.ones(5)), caps)
        other += (caps - other) * (1 - other.sum()) / (caps - other).sum()
        assert (point - nearest) @ (other - nearest) <= 1e-5
