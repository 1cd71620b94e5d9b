"""Losses on embeddings: hand-computed values, and what changes of an embedding they ignore."""

import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.losses.embeddings import (
    RelationalDistillation,
    SemanticRegression,
    SimilarityPreservingDistillation,
    relational_distillation,
    similarity_preserving,
    smooth_l1,
)


@pytest.mark.parametrize(
    # mse of (3, 4) and (4, 3): 1; of (3, -4): ((3 - 4)^2 + (-4 - 3)^2) / 2 = 25; mean 13.
    # cosine: 1 - 24 / 25 = 0.04 and 1 - (12 - 12) / 25 = 1; mean 0.52. mu = 2, CE 0.693147.
    ("kind", "expected"),
    [("mse", 0.693147 + 2 * 13), ("cosine", 0.693147 + 2 * 0.52)],
)
def test_semantic_regression_has_hand_computed_values(kind, expected):
    nothing = np.zeros((1, 2), np.float32)
    targets = {
        "labels": np.int32([0]),
        "teacher_logits": np.zeros((1, 2, 2), np.float32),
        "teacher_embeddings": [np.float32([[3, 4]]), np.float32([[3, -4]])],
    }
    outputs = {"logits": nothing, "projected_embeddings": [np.float32([[4, 3]])] * 2}
    terms = SemanticRegression(2.0, kind).terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(expected, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[0.5, 0.5, 0]])


def test_semantic_regression_ignores_the_teachers_logits(make_batch):
    targets, outputs = make_batch()
    before = SemanticRegression().terms(targets, outputs).loss
    other = {**targets, "teacher_logits": -targets["teacher_logits"]}
    np.testing.assert_array_equal(SemanticRegression().terms(other, outputs).loss, before)


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


def test_prepared_relations_of_the_student_give_the_same_loss(make_batch):
    targets, outputs = make_batch(teachers=2)
    loss = RelationalDistillation()
    prepared = loss.prepared(outputs)
    assert prepared["relations"].angles.shape == (8, 8, 8)
    assert loss.prepared(prepared) is prepared
    first, second = (loss.terms(targets, one).loss for one in (outputs, prepared))
    np.testing.assert_array_equal(first, second)


def test_the_relational_distance_term_has_hand_computed_values():
    # Points 0, 1, 3: distances 1, 3, 2, mean 2: 0.5, 1.5, 1. Points 0, 1, 2: mean 4/3: 0.75, 1.5,
    # 0.75. Differences of the pairs 01, 02, 12: 0.25, 0, -0.25, smooth L1 0.03125, 0, 0.03125.
    # Rows over N = 3: 0.03125 / 3, 0.0625 / 3, 0.03125 / 3. On a line in one order angles agree.
    distances, angles = relational_distillation(
        np.float32([[0], [1], [3]]), np.float32([[0], [1], [2]]), ALL
    )
    np.testing.assert_allclose(distances, [0.0104167, 0.0208333, 0.0104167], atol=1e-6)
    np.testing.assert_allclose(angles, 0.0, atol=1e-6)


def test_the_relational_angle_term_has_hand_computed_values():
    # Teacher: a right angle at 0, half right angles at 1 and 2; the student's points on a line.
    # Cosines at corners 0, 1, 2: 0, 0.707107, 0.707107 against 1, -1, 1; smooth L1 0.5, 1.207107,
    # 0.042893; each counts twice (jk and kj) among N^2 = 9.
    _, angles = relational_distillation(
        np.float32([[0, 0], [1, 0], [0, 1]]), np.float32([[0, 0], [1, 0], [2, 0]]), ALL
    )
    np.testing.assert_allclose(angles, [0.111111, 0.268246, 0.009532], atol=1e-5)


def test_the_relational_terms_ignore_shift_rotation_and_scale(make_batch):
    teacher = make_batch(teachers=2)[0]["teacher_embeddings"][1]
    student = (0.03 * teacher @ _rotation(4) + 5.0).astype(np.float32)
    terms = relational_distillation(teacher, student, np.ones(8, np.float32))
    np.testing.assert_allclose(terms, 0.0, atol=1e-6)
    bent = student * np.float32([1, 1, 1, 4])
    for term in relational_distillation(teacher, bent, np.ones(8, np.float32)):
        assert np.mean(term) > 1e-3


def test_the_relational_terms_are_weighted_25_and_50(make_batch):
    targets, outputs = make_batch(teachers=1)
    distances, angles = relational_distillation(
        targets["teacher_embeddings"][0], outputs["embedding"], np.ones(8, np.float32)
    )
    parts = RelationalDistillation().terms(targets, outputs).parts
    np.testing.assert_allclose(parts["semantic"], 25 * distances + 50 * angles, rtol=1e-5)


def test_the_relational_terms_leave_out_samples_the_teacher_does_not_see(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])
    some = seen.astype(bool)
    masked = np.array(relational_distillation(teacher, student, seen))
    alone = relational_distillation(teacher[some], student[some], np.ones(6, np.float32))
    np.testing.assert_allclose(masked[:, some], alone, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(masked[:, ~some], 0.0)


def test_a_batch_of_equal_embeddings_has_no_relational_loss():
    same = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(relational_distillation(same, same, ALL), np.zeros((2, 3)))


def test_relational_weights_of_0_leave_no_semantic_term(make_batch):
    targets, outputs = make_batch(teachers=2)
    terms = RelationalDistillation(0.0, 0.0).terms(targets, outputs)
    assert float(np.max(terms.parts["semantic"])) == pytest.approx(0.0)


def test_similarity_preserving_distillation_has_a_hand_computed_value():
    # Teacher's Gram matrix: the identity; the student's: ones, rows normalised to 0.707107.
    # Row: (0.707107 - 1)^2 + 0.707107^2 = 0.585786, over N = 2: 0.292893. b = 10, CE 0.693147:
    # 0.693147 + 2.928932 = 3.622079
    targets = {
        "labels": np.int32([0, 1]),
        "teacher_logits": np.zeros((2, 1, 2), np.float32),
        "teacher_embeddings": [np.eye(2, dtype=np.float32)],
    }
    outputs = {
        "logits": np.zeros((2, 2), np.float32),
        "embedding": np.float32([[1, 0, 0], [1, 0, 0]]),
    }
    terms = SimilarityPreservingDistillation(10.0).terms(targets, outputs)
    np.testing.assert_allclose(terms.loss, [3.622079, 3.622079], atol=1e-5)
    np.testing.assert_array_equal(terms.selection, [[1, 0], [1, 0]])


def test_similarity_ignores_rotation_and_scale_but_not_a_shift(make_batch):
    teacher = make_batch(teachers=2)[0]["teacher_embeddings"][1]
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    everyone = np.ones(8, np.float32)
    turned = (0.2 * teacher @ rotation).astype(np.float32)
    np.testing.assert_allclose(similarity_preserving(teacher, turned, everyone), 0.0, atol=1e-6)
    moved = similarity_preserving(teacher, turned + 1.0, everyone)
    assert float(np.mean(moved)) > 1e-3  # a shift is another similarity


def test_the_mean_similarity_loss_is_the_published_batch_loss(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    grams = [one @ one.T for one in (teacher, student)]
    grams = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in grams]
    expected = np.square(grams[0] - grams[1]).sum() / 8**2
    value = similarity_preserving(teacher, student, np.ones(8, np.float32))
    assert float(np.mean(value)) == pytest.approx(expected, rel=1e-5)


def test_similarity_leaves_out_samples_the_teacher_does_not_see(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])
    some = seen.astype(bool)
    masked = np.asarray(similarity_preserving(teacher, student, seen))
    alone = similarity_preserving(teacher[some], student[some], np.ones(6, np.float32))
    np.testing.assert_allclose(masked[some], alone, rtol=1e-5)
    np.testing.assert_array_equal(masked[~some], 0.0)
