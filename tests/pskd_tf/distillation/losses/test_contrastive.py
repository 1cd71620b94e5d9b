"""Losses that pre-train an embedding: closed forms, and what no gradient or label may change."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.contrastive import (
    Contrastive,
    QueueSimilarity,
    info_nce,
    queue_similarity,
)

EYE = np.eye(3, dtype=np.float32)
EVERY = np.ones(3, np.float32)


def test_info_nce_of_orthogonal_pairs():
    # cos 1 with the own pair and 0 with the two others: log(1 + 2 exp(-1 / t)), t = 1/2.
    expected = np.log(1 + 2 * np.exp(-2.0))
    np.testing.assert_allclose(info_nce(5 * EYE, 2 * EYE, EVERY, 0.5), [expected] * 3, rtol=1e-5)
    # The next one's embedding instead of the own: 2 more.
    moved = np.roll(EYE, 1, axis=0)
    np.testing.assert_allclose(info_nce(EYE, moved, EVERY, 0.5), [expected + 2] * 3, rtol=1e-5)


def test_info_nce_is_the_same_from_either_side():
    student, teacher = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    every = np.ones(4, np.float32)
    one, other = info_nce(student, teacher, every, 0.2), info_nce(teacher, student, every, 0.2)
    np.testing.assert_allclose(one, other, rtol=1e-5)
    assert np.ptp(one) > 0.1


def test_a_pair_that_is_left_out_is_no_negative():
    two = info_nce(EYE, EYE, np.float32([1, 1, 0]), 1.0)
    # log(1 + exp(-1)) for the two that are left.
    np.testing.assert_allclose(two, [0.313262, 0.313262, 0.0], atol=1e-5)


def test_queue_similarity_by_hand():
    student = np.float32([[0, 2]])
    teacher = np.float32([[3, 0]])
    queue = np.float32([[0, 5], [0, 0]])
    # Keys (0, 1), none, (1, 0): cosines of the teacher 0, 0, 1, of the student 1, 0, 0.
    followed = np.exp([0.0, 0.0, 2.0]) / (2 + np.exp(2.0))
    reached = np.array([4.0, 0.0, 0.0]) - np.log(np.exp(4.0) + 2)
    value = queue_similarity(student, teacher, queue, 0.5, 0.25)
    np.testing.assert_allclose(value, [-(followed * reached).sum()], rtol=1e-5)


def test_a_student_equal_to_its_teacher_has_no_gradient_at_equal_temperatures():
    teacher = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    queue = np.random.default_rng(1).normal(size=(5, 3)).astype(np.float32)
    student = tf.Variable(2 * teacher)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(queue_similarity(student, teacher, queue, 0.1, 0.1))
    np.testing.assert_allclose(tape.gradient(loss, student), 0.0, atol=1e-5)


@pytest.mark.parametrize("loss", [Contrastive(0.2), QueueSimilarity(4)])
def test_labels_are_not_read_and_unseen_embeddings_may_be_nan(loss, make_batch):
    targets, outputs = make_batch(teachers=2)
    targets["teacher_available"] = np.tile(np.float32([1, 0]), (8, 1))
    terms = loss.terms(targets, outputs)
    alone = {
        "labels": np.full(8, -1, np.int32),
        "teacher_logits": targets["teacher_logits"][:, :1],
        "teacher_embeddings": targets["teacher_embeddings"][:1],
    }
    one = loss.terms(alone, {"projected_embeddings": outputs["projected_embeddings"][:1]})
    np.testing.assert_allclose(terms.loss, one.loss, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection, np.tile([1, 0, 0], (8, 1)))
    targets["teacher_embeddings"][1][:] = np.nan
    np.testing.assert_array_equal(loss.terms(targets, outputs).loss, terms.loss)


@pytest.mark.parametrize("name", ["teacher_temperature", "student_temperature"])
def test_temperatures_are_positive(name):
    with pytest.raises(ValueError, match=r"temperature must be positive\. Received: 0"):
        QueueSimilarity(**{name: 0})


def test_a_learned_temperature_is_that_of_the_outputs_and_not_below_a_hundredth(make_batch):
    targets, outputs = make_batch(teachers=1)
    loss = Contrastive(0.1, learns_temperature=True)
    assert loss.learned_weights == {"log_temperature": pytest.approx(np.log(0.1))}
    assert Contrastive(0.1).learned_weights == {}
    for learned, same in ((0.3, 0.3), (1e-6, 0.01)):
        found = loss.terms(targets, {**outputs, "log_temperature": np.float32(np.log(learned))})
        expected = Contrastive(same).terms(targets, outputs).loss
        np.testing.assert_allclose(found.loss, expected, rtol=1e-4)
    # Without it, as outside of a distiller, it is where it starts.
    np.testing.assert_allclose(
        loss.terms(targets, outputs).loss, Contrastive(0.1).terms(targets, outputs).loss
    )


def test_a_distiller_trains_the_temperature_and_keeps_it(tiny_model, streams, labels):
    loss = Contrastive(0.1, learns_temperature=True)
    teachers = {"body": tiny_model(("skeleton",), seed=1)}
    distiller = PSKDDistiller(tiny_model(), teachers, loss)
    distiller.compile(optimizer=keras.optimizers.SGD(0.5))
    (weight,) = distiller.learned_weights.values()
    assert float(weight) == pytest.approx(np.log(0.1))
    assert any(one is weight for one in distiller.learned_variables)
    distiller.fit(streams, labels, epochs=1, batch_size=12, verbose=0)
    assert abs(float(weight) - np.log(0.1)) > 1e-4
