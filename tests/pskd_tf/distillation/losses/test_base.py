"""Cross-entropy and the semantic distance, against closed forms."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st

from pskd_tf.distillation.losses.base import CrossEntropy, cross_entropy, semantic_distance

# softmax = (1/2, 1/4, 1/4)
LOGITS = np.log(np.float32([[2.0, 1.0, 1.0]]))


def test_cross_entropy_has_hand_computed_values():
    # Label 0: -log(1/2) = 0.693147. Label 2: -log(1/4) = 1.386294.
    assert float(cross_entropy([0], LOGITS)[0]) == pytest.approx(0.693147, abs=1e-6)
    assert float(cross_entropy([2], LOGITS)[0]) == pytest.approx(1.386294, abs=1e-6)


def test_cross_entropy_with_smoothing_has_a_hand_computed_value():
    # s = 0.3 over 3 classes: t = (0.8, 0.1, 0.1).
    # 0.8 log 2 + 0.1 log 4 + 0.1 log 4 = 0.8 * 0.693147 + 0.2 * 1.386294 = 0.831777
    assert float(cross_entropy([0], LOGITS, 0.3)[0]) == pytest.approx(0.831777, abs=1e-6)


@given(
    logits=st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4),
    label=st.integers(0, 3),
    smoothing=st.floats(0, 1),
    constant=st.floats(-50, 50, width=32),
)
def test_it_is_finite_not_negative_and_ignores_a_constant(logits, label, smoothing, constant):
    logits = np.float32([logits])
    loss = float(cross_entropy([label], logits, smoothing)[0])
    assert np.isfinite(loss) and loss >= -1e-5
    shifted = float(cross_entropy([label], logits + np.float32(constant), smoothing)[0])
    assert shifted == pytest.approx(loss, abs=1e-3)


def test_full_smoothing_ignores_the_label(make_batch):
    targets, outputs = make_batch()
    first = cross_entropy(targets["labels"], outputs["logits"], 1.0)
    second = cross_entropy((targets["labels"] + 1) % 5, outputs["logits"], 1.0)
    np.testing.assert_allclose(first, second, atol=1e-6)


@pytest.mark.parametrize("teachers", [0, 3])
def test_the_ground_truth_alone_is_followed(make_batch, teachers):
    targets, outputs = make_batch(teachers=max(teachers, 1))
    if teachers == 0:
        targets = {"labels": targets["labels"]}
    terms = CrossEntropy(0.1).terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"], 0.1)
    np.testing.assert_array_equal(terms.loss, expected)
    np.testing.assert_array_equal(terms.parts["cross_entropy"], expected)
    np.testing.assert_array_equal(terms.selection, np.tile([0.0] * teachers + [1.0], (8, 1)))


TEACHER, STUDENT = np.float32([[3.0, 4.0]]), np.float32([[4.0, 3.0]])


def test_semantic_distances_have_hand_computed_values():
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


def test_the_cosine_of_a_zero_embedding_is_finite():
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
