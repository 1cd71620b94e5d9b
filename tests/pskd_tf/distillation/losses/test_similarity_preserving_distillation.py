"""SP: similarities within a batch."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.features import (
    SimilarityPreservingDistillation,
    similarity_preserving,
)


def test_a_hand_computed_number():
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


def test_a_turned_and_scaled_embedding_costs_nothing(make_batch):
    teacher = make_batch(teachers=2)[0]["teacher_embeddings"][1]
    rotation = np.linalg.qr(np.random.default_rng(3).normal(size=(4, 4)))[0]
    everyone = np.ones(8, np.float32)
    turned = (0.2 * teacher @ rotation).astype(np.float32)
    np.testing.assert_allclose(similarity_preserving(teacher, turned, everyone), 0.0, atol=1e-6)
    moved = similarity_preserving(teacher, turned + 1.0, everyone)
    assert float(np.mean(moved)) > 1e-3  # a shift is another similarity


def test_the_mean_is_the_published_batch_loss(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    grams = [one @ one.T for one in (teacher, student)]
    grams = [one / np.linalg.norm(one, axis=1, keepdims=True) for one in grams]
    expected = np.square(grams[0] - grams[1]).sum() / 8**2
    value = similarity_preserving(teacher, student, np.ones(8, np.float32))
    assert float(np.mean(value)) == pytest.approx(expected, rel=1e-5)


def test_samples_that_are_not_seen_enter_no_pair(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_embeddings"][0], outputs["embedding"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])
    some = seen.astype(bool)
    masked = np.asarray(similarity_preserving(teacher, student, seen))
    alone = similarity_preserving(teacher[some], student[some], np.ones(6, np.float32))
    np.testing.assert_allclose(masked[some], alone, rtol=1e-5)
    np.testing.assert_array_equal(masked[~some], 0.0)
