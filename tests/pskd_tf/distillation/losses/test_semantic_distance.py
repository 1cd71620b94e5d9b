"""Distances between embeddings."""

import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.losses.base import semantic_distance

TEACHER, STUDENT = np.float32([[3.0, 4.0]]), np.float32([[4.0, 3.0]])


def test_two_hand_computed_numbers():
    # mse: ((3 - 4)^2 + (4 - 3)^2) / 2 = 1.
    assert float(semantic_distance(TEACHER, STUDENT, "mse")[0]) == pytest.approx(1.0)
    # cosine: 1 - (3 * 4 + 4 * 3) / (5 * 5) = 1 - 24 / 25 = 0.04.
    assert float(semantic_distance(TEACHER, STUDENT, "cosine")[0]) == pytest.approx(0.04, abs=1e-6)


@pytest.mark.parametrize("kind", ["mse", "cosine"])
def test_equal_embeddings_have_no_distance_and_no_gradient(kind):
    teacher = np.random.default_rng(0).normal(size=(6, 5)).astype(np.float32)
    student = tf.Variable(teacher)
    with tf.GradientTape() as tape:
        distance = semantic_distance(teacher, student, kind)
    np.testing.assert_allclose(distance, 0.0, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(distance, student), 0.0, atol=1e-6)


def test_the_cosine_ignores_lengths():
    near = semantic_distance(TEACHER, STUDENT, "cosine")
    far = semantic_distance(7 * TEACHER, 0.1 * STUDENT, "cosine")
    np.testing.assert_allclose(near, far, atol=1e-6)
    opposite = semantic_distance(TEACHER, -TEACHER, "cosine")
    np.testing.assert_allclose(opposite, 2.0, atol=1e-6)


def test_the_cosine_of_a_silent_embedding_is_finite():
    """After ReLU an embedding may be 0 everywhere."""
    student = tf.Variable(np.zeros((1, 2), np.float32))
    with tf.GradientTape() as tape:
        distance = semantic_distance(TEACHER, student, "cosine")
    assert distance[0] == 1.0
    assert np.isfinite(tape.gradient(distance, student)).all()


def test_an_unknown_kind_is_named():
    with pytest.raises(ValueError) as error:
        semantic_distance(TEACHER, STUDENT, "l1")
    assert str(error.value) == "kind must be mse or cosine. Received: l1"
