"""RKD: distances and angles within a batch."""

import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.losses.features import (
    RelationalDistillation,
    relational_distillation,
    smooth_l1,
)

ALL = np.ones(3, np.float32)


def _rotation(width, seed=3):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]


def test_smooth_l1_is_quadratic_below_1_and_linear_above():
    np.testing.assert_allclose(smooth_l1(np.float32([0, 0.5, -1, 3])), [0, 0.125, 0.5, 2.5])


def test_the_gradient_of_smooth_l1_is_the_clipped_difference():
    difference = tf.constant([0, 0.5, -0.25, 1, -1, 3, -4], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(difference)
        size = smooth_l1(difference)
    expected = [0, 0.5, -0.25, 1, -1, 1, -1]
    np.testing.assert_array_equal(tape.gradient(size, difference), expected)


def test_the_student_s_relations_can_be_given(make_batch):
    targets, outputs = make_batch(teachers=2)
    loss = RelationalDistillation()
    prepared = loss.prepared(outputs)
    assert prepared["relations"].angles.shape == (8, 8, 8)
    assert loss.prepared(prepared) is prepared
    first, second = (loss.terms(targets, one).loss for one in (outputs, prepared))
    np.testing.assert_array_equal(first, second)


def test_hand_computed_distances():
    # Points 0, 1, 3: distances 1, 3, 2, mean 2: 0.5, 1.5, 1. Points 0, 1, 2: mean 4/3: 0.75, 1.5,
    # 0.75. Differences of the pairs 01, 02, 12: 0.25, 0, -0.25, smooth L1 0.03125, 0, 0.03125.
    # Rows over N = 3: 0.03125 / 3, 0.0625 / 3, 0.03125 / 3. On a line in one order angles agree.
    distances, angles = relational_distillation(
        np.float32([[0], [1], [3]]), np.float32([[0], [1], [2]]), ALL
    )
    np.testing.assert_allclose(distances, [0.0104167, 0.0208333, 0.0104167], atol=1e-6)
    np.testing.assert_allclose(angles, 0.0, atol=1e-6)


def test_hand_computed_angles():
    # Teacher: a right angle at 0, half right angles at 1 and 2; the student's points on a line.
    # Cosines at corners 0, 1, 2: 0, 0.707107, 0.707107 against 1, -1, 1; smooth L1 0.5, 1.207107,
    # 0.042893; each counts twice (jk and kj) among N^2 = 9.
    _, angles = relational_distillation(
        np.float32([[0, 0], [1, 0], [0, 1]]), np.float32([[0, 0], [1, 0], [2, 0]]), ALL
    )
    np.testing.assert_allclose(angles, [0.111111, 0.268246, 0.009532], atol=1e-5)


def test_a_moved_turned_and_scaled_embedding_costs_nothing(make_batch):
    teacher = make_batch(teachers=2)[0]["teacher_embeddings"][1]
    student = (0.03 * teacher @ _rotation(4) + 5.0).astype(np.float32)
    terms = relational_distillation(teacher, student, np.ones(8, np.float32))
    np.testing.assert_allclose(terms, 0.0, atol=1e-6)
    bent = student * np.float32([1, 1, 1, 4])
    for term in relational_distillation(teacher, bent, np.ones(8, np.float32)):
        assert np.mean(term) > 1e-3


def test_the_loss_weighs_both_terms_25_to_50(make_batch):
    targets, outputs = make_batch(teachers=1)
    distances, angles = relational_distillation(
        targets["teacher_embeddings"][0], outputs["embedding"], np.ones(8, np.float32)
    )
    parts = RelationalDistillation().terms(targets, outputs).parts
    np.testing.assert_allclose(parts["semantic"], 25 * distances + 50 * angles, rtol=1e-5)


def test_samples_that_are_not_seen_enter_no_pair(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])
    some = seen.astype(bool)
    masked = np.array(relational_distillation(teacher, student, seen))
    alone = relational_distillation(teacher[some], student[some], np.ones(6, np.float32))
    np.testing.assert_allclose(masked[:, some], alone, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(masked[:, ~some], 0.0)


def test_a_batch_of_equal_embeddings_has_no_relations():
    same = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(relational_distillation(same, same, ALL), np.zeros((2, 3)))


def test_the_weights_are_arguments(make_batch):
    targets, outputs = make_batch(teachers=2)
    terms = RelationalDistillation(0.0, 0.0).terms(targets, outputs)
    assert float(np.max(terms.parts["semantic"])) == pytest.approx(0.0)
