"""What the neighbouring methods share: equalities, invariances, availability, extreme inputs."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.registry import make_loss

METHODS = {
    "guided_knowledge_distillation": {},
    "entropy_based_distillation": {},
    "confidence_aware_distillation": {},
    "adaptive_ensemble_distillation": {},
    "teacher_assistant_distillation": {},
    "densely_guided_distillation": {"distillation_share": 0.7},
    "semantic_regression": {},
    "relational_distillation": {},
    "similarity_preserving_distillation": {},
    "decoupled_distillation": {},
    "stronger_teacher_distillation": {"temperature": 2.0},
}
every_method = pytest.mark.parametrize("name", METHODS)


def _loss(name):
    return make_loss(name, {**METHODS[name], "label_smoothing": 0.1})


def _close(after, before, columns=slice(None)):
    np.testing.assert_allclose(after.loss, before.loss, rtol=1e-3, atol=1e-4)
    selection = np.asarray(before.selection)[:, columns]
    np.testing.assert_allclose(after.selection, selection, atol=2e-4)


def _chosen(targets, outputs, order):
    """The same batch with the teachers of `order` only."""
    moved = {
        "labels": targets["labels"],
        "teacher_logits": targets["teacher_logits"][:, order],
        "teacher_embeddings": [targets["teacher_embeddings"][k] for k in order],
    }
    projected = [outputs["projected_embeddings"][k] for k in order]
    return moved, {**outputs, "projected_embeddings": projected}


@every_method
def test_a_student_equal_to_its_teachers_feels_no_pull_from_them(name, make_batch):
    targets, outputs = make_batch(teachers=3)
    logits = tf.Variable(outputs["logits"])
    embedding = tf.Variable(outputs["embedding"])
    targets["teacher_logits"] = np.repeat(outputs["logits"][:, None], 3, axis=1)
    targets["teacher_embeddings"] = [outputs["embedding"]] * 3
    with tf.GradientTape() as tape:
        student = {
            "logits": logits,
            "embedding": embedding,
            "projected_embeddings": [embedding] * 3,
        }
        parts = _loss(name).terms(targets, student).parts
        pull = tf.reduce_sum(sum(value for key, value in parts.items() if key != "cross_entropy"))
    assert float(pull) == pytest.approx(0.0, abs=2e-5)
    gradients = [one for one in tape.gradient(pull, [logits, embedding]) if one is not None]
    assert gradients
    for gradient in gradients:
        np.testing.assert_allclose(gradient, 0.0, atol=1e-4)


@every_method
def test_a_constant_added_to_any_row_of_logits_is_ignored(name, make_batch):
    targets, outputs = make_batch(teachers=3)
    generator = np.random.default_rng(1)
    shifts = generator.normal(0, 5, (8, 3, 1)).astype(np.float32)
    moved = {**targets, "teacher_logits": targets["teacher_logits"] + shifts}
    logits = outputs["logits"] + generator.normal(0, 5, (8, 1)).astype(np.float32)
    before = _loss(name).terms(targets, outputs)
    _close(_loss(name).terms(moved, {**outputs, "logits": logits}), before)


@pytest.mark.parametrize("name", [n for n in METHODS if n != "teacher_assistant_distillation"])
def test_the_order_of_teachers_does_not_matter(name, make_batch):
    targets, outputs = make_batch(teachers=3)
    before = _loss(name).terms(targets, outputs)
    for order in ([1, 2, 0], [2, 1, 0]):
        after = _loss(name).terms(*_chosen(targets, outputs, order))
        _close(after, before, [*order, 3])


@every_method
def test_a_teacher_that_sees_nothing_is_as_good_as_absent(name, make_batch):
    targets, outputs = make_batch(teachers=3)
    targets["teacher_available"] = np.tile(np.float32([0, 1, 1]), (8, 1))
    terms = _loss(name).terms(targets, outputs)
    np.testing.assert_array_equal(terms.selection[:, 0], 0.0)
    absent = _loss(name).terms(*_chosen(targets, outputs, [1, 2]))
    np.testing.assert_allclose(terms.loss, absent.loss, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(terms.selection[:, 1:], absent.selection, atol=1e-5)


@every_method
def test_what_a_teacher_says_of_samples_it_cannot_see_is_ignored(name, make_batch):
    targets, outputs = make_batch(teachers=3)
    available = np.ones((8, 3), np.float32)
    available[[0, 2, 2, 5], [1, 0, 2, 2]] = 0
    targets["teacher_available"] = available
    other = make_batch(seed=7, teachers=3)[0]
    seen = available.astype(bool)
    changed = {
        **targets,
        "teacher_logits": np.where(
            seen[..., None], targets["teacher_logits"], other["teacher_logits"]
        ),
        "teacher_embeddings": [
            np.where(seen[:, [k]], targets["teacher_embeddings"][k], other["teacher_embeddings"][k])
            for k in range(3)
        ],
    }
    terms = _loss(name).terms(targets, outputs)
    _close(_loss(name).terms(changed, outputs), terms)
    np.testing.assert_array_equal(np.asarray(terms.selection)[:, :3][~seen], 0.0)
    np.testing.assert_allclose(np.sum(terms.selection, axis=1), 1.0, atol=1e-6)


@every_method
def test_without_any_teacher_cross_entropy_is_left(name, make_batch):
    targets, outputs = make_batch(teachers=3)
    targets["teacher_available"] = np.zeros((8, 3), np.float32)
    terms = _loss(name).terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"], 0.1)
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection, np.tile([0, 0, 0, 1], (8, 1)))


@every_method
def test_loss_and_gradient_are_finite_and_float32_for_extreme_outputs(name):
    loss = _loss(name)

    @tf.function
    def step(labels, teachers, teacher_embedding, logits, embedding, available):
        targets = {
            "labels": labels,
            "teacher_logits": teachers,
            "teacher_embeddings": [teacher_embedding, 2.0 * teacher_embedding],
            "teacher_available": available,
        }
        with tf.GradientTape() as tape:
            tape.watch([logits, embedding])
            student = {
                "logits": logits,
                "embedding": embedding,
                "projected_embeddings": [embedding, 0.5 * embedding],
            }
            value = loss.terms(targets, student).loss
        gradients = tape.gradient(value, [logits, embedding], unconnected_gradients="zero")
        return value, gradients

    # Zeros and equal rows on purpose: silent embeddings and certain teachers happen.
    value = st.sampled_from([0.0, 1.0, -1.0, 1e-6, 100.0, -100.0]) | st.floats(-100, 100, width=32)

    @settings(max_examples=25)
    @given(
        numbers=st.lists(value, min_size=39, max_size=39),
        labels=st.lists(st.integers(0, 2), min_size=3, max_size=3),
        available=st.lists(st.sampled_from([0.0, 1.0]), min_size=6, max_size=6),
    )
    def check(numbers, labels, available):
        numbers = np.float32(numbers)
        result, gradients = step(
            np.int32(labels),
            numbers[:18].reshape(3, 2, 3),
            numbers[18:24].reshape(3, 2),
            tf.constant(numbers[24:33].reshape(3, 3)),
            tf.constant(numbers[33:39].reshape(3, 2)),
            np.float32(available).reshape(3, 2),
        )
        assert result.dtype == tf.float32
        assert np.isfinite(result).all() and np.min(result) >= -1e-2
        assert all(np.isfinite(gradient).all() for gradient in gradients)

    check()
