"""Losses by name, and the identities that all of them keep."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from hypothesis import given, settings, strategies as st

from data_prep.errors import UserError
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.assistants import (
    DenselyGuidedDistillation,
    TeacherAssistantDistillation,
)
from pskd_tf.distillation.losses.base import CrossEntropy, DistillationLoss, cross_entropy
from pskd_tf.distillation.losses.embeddings import (
    RelationalDistillation,
    SemanticRegression,
    SimilarityPreservingDistillation,
)
from pskd_tf.distillation.losses.inertial import (
    AssistantContrast,
    MultiScaleSimilarity,
)
from pskd_tf.distillation.losses.logits import (
    DecoupledDistillation,
    KnowledgeDistillation,
    StrongerTeacherDistillation,
)
from pskd_tf.distillation.losses.registry import make_loss
from pskd_tf.distillation.losses.teacher_weights import (
    AdaptiveEnsembleDistillation,
    ConfidenceAwareDistillation,
    EntropyBasedDistillation,
    GuidedKnowledgeDistillation,
)
from pskd_tf.distillation.losses.two_teachers import (
    TopologicalDistillation,
    TopologicalGuidance,
)
from pskd_tf.training_settings import SELECTIONS, ACSSettings

ACS = {
    "temperature": 3.0,
    "distillation_weight": 0.7,
    "semantic_weight": 0.5,
    "semantic_kind": "cosine",
    "label_smoothing": 0.1,
}
LOSSES = [
    ("cross_entropy", {"label_smoothing": 0.1}),
    (
        "knowledge_distillation",
        {"temperature": 3.0, "distillation_weight": 0.7, "label_smoothing": 0.1},
    ),
    *[
        ("adaptive_confidence_semantic", {"selection": selection, **ACS})
        for selection in SELECTIONS
    ],
    ("guided_knowledge_distillation", {"temperature": 3.0, "distillation_weight": 0.7}),
    ("entropy_based_distillation", {"temperature": 3.0, "distillation_weight": 0.7}),
    ("confidence_aware_distillation", {"temperature": 3.0, "semantic_weight": 5.0}),
    ("adaptive_ensemble_distillation", {"temperature": 3.0, "cap": 0.7}),
    ("teacher_assistant_distillation", {"distillation_share": 0.3, "teacher": "first"}),
    ("densely_guided_distillation", {"temperature": 3.0, "distillation_share": 0.3}),
    ("semantic_regression", {"semantic_weight": 0.5, "semantic_kind": "cosine"}),
    ("relational_distillation", {"distance_weight": 2.0, "angle_weight": 3.0}),
    ("similarity_preserving_distillation", {"similarity_weight": 30.0}),
    ("decoupled_distillation", {"target_weight": 0.5, "non_target_weight": 2.0}),
    ("stronger_teacher_distillation", {"inter_class_weight": 0.5, "intra_class_weight": 2.0}),
    ("multi_scale_similarity", {"similarity_weight": 30.0}),
    ("assistant_contrast", {"semantic_weight": 0.5, "contrast_weight": 2.0}),
    ("topological_distillation", {"distillation_share": 0.9, "sharpness": 1.5}),
    ("topological_guidance", {"distillation_share": 0.8, "similarity_weight": 30.0}),
]
every_loss = pytest.mark.parametrize(
    "loss",
    [make_loss(*loss) for loss in LOSSES],
    ids=["ce", "kd", *SELECTIONS, *[name for name, _ in LOSSES[2 + len(SELECTIONS) :]]],
)


def test_names_make_their_losses():
    kinds = (
        CrossEntropy,
        KnowledgeDistillation,
        *[AdaptiveConfidenceSemantic] * len(SELECTIONS),
        GuidedKnowledgeDistillation,
        EntropyBasedDistillation,
        ConfidenceAwareDistillation,
        AdaptiveEnsembleDistillation,
        TeacherAssistantDistillation,
        DenselyGuidedDistillation,
        SemanticRegression,
        RelationalDistillation,
        SimilarityPreservingDistillation,
        DecoupledDistillation,
        StrongerTeacherDistillation,
        MultiScaleSimilarity,
        AssistantContrast,
        TopologicalDistillation,
        TopologicalGuidance,
    )
    for (name, arguments), kind in zip(LOSSES, kinds, strict=True):
        loss = make_loss(name, arguments)
        assert type(loss) is kind
        config = loss.get_config()
        assert {key: config[key] for key in arguments} == arguments


def test_the_acs_settings_are_the_loss_s_arguments():
    settings = dataclasses.asdict(ACSSettings("soft", 2.0, 3.0, 0.1, "cosine", 0.2))
    config = make_loss("adaptive_confidence_semantic", settings).get_config()
    assert {key: config[key] for key in settings} == settings


def test_an_unknown_loss_is_named():
    with pytest.raises(UserError) as error:
        make_loss("acs", {})
    assert str(error.value) == (
        "A loss is one of adaptive_confidence_semantic, knowledge_distillation, cross_entropy, "
        "guided_knowledge_distillation, entropy_based_distillation, "
        "confidence_aware_distillation, adaptive_ensemble_distillation, "
        "teacher_assistant_distillation, densely_guided_distillation, semantic_regression, "
        "relational_distillation, similarity_preserving_distillation, decoupled_distillation, "
        "stronger_teacher_distillation, feature_distillation, multi_scale_similarity, "
        "assistant_contrast, topological_distillation, topological_guidance, "
        "pseudo_labels, fixmatch, contrastive, queue_similarity. Received: acs"
    )


@every_loss
def test_parts_add_up_and_selections_sum_to_1(loss, make_batch):
    terms = loss.terms(*make_batch(teachers=3))
    np.testing.assert_allclose(sum(terms.parts.values()), terms.loss, rtol=1e-6)
    assert terms.selection.shape == (8, 4)
    np.testing.assert_allclose(np.sum(terms.selection, axis=1), 1.0, atol=1e-6)
    assert all(np.min(part) >= 0 for part in terms.parts.values())


@every_loss
def test_a_loss_comes_back_from_its_configuration(loss, make_batch):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(copy) is type(loss) and copy.get_config() == loss.get_config()
    batch = make_batch()
    np.testing.assert_array_equal(copy.terms(*batch).loss, loss.terms(*batch).loss)


@every_loss
def test_keras_reduces_it_to_the_mean_with_sample_weights(loss, make_batch):
    targets, outputs = make_batch()
    per_sample = np.asarray(loss.terms(targets, outputs).loss)
    assert float(loss(targets, outputs)) == pytest.approx(per_sample.mean(), rel=1e-6)
    weights = np.float32([0, 1, 2, 0, 0.5, 1, 1, 3])
    weighted = float(loss(targets, outputs, sample_weight=weights))
    assert weighted == pytest.approx((weights * per_sample).sum() / 8, rel=1e-6)


@every_loss
def test_tf_keras_tensors_in_a_graph_give_the_same_numbers(loss, make_batch):
    targets, outputs = make_batch()
    layer = tf_keras.layers.Dense(5, kernel_initializer="identity", use_bias=False)

    @tf.function
    def step(inputs):
        return loss.terms(targets, {**outputs, "logits": layer(inputs)}).loss

    expected = loss.terms(targets, outputs).loss
    np.testing.assert_allclose(step(tf.constant(outputs["logits"])), expected, rtol=1e-5)


def test_a_loss_must_define_its_terms():
    with pytest.raises(TypeError, match=r"^DistillationLoss must define terms\(\)$"):
        DistillationLoss().terms({}, {})


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
    "multi_scale_similarity": {},
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
def test_a_student_equal_to_its_teachers_has_no_loss_and_no_gradient_from_them(name, make_batch):
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
def test_a_teacher_that_is_never_available_counts_as_absent(name, make_batch):
    targets, outputs = make_batch(teachers=3)
    targets["teacher_available"] = np.tile(np.float32([0, 1, 1]), (8, 1))
    terms = _loss(name).terms(targets, outputs)
    np.testing.assert_array_equal(terms.selection[:, 0], 0.0)
    absent = _loss(name).terms(*_chosen(targets, outputs, [1, 2]))
    np.testing.assert_allclose(terms.loss, absent.loss, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(terms.selection[:, 1:], absent.selection, atol=1e-5)


@every_method
def test_outputs_of_a_teacher_that_is_not_available_are_ignored(name, make_batch):
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
def test_a_teacher_that_is_not_available_may_put_out_nan(name, make_batch):
    """Loss, parts and gradients are those of any other outputs of such a teacher."""
    targets, outputs = make_batch(teachers=3)
    available = np.ones((8, 3), np.float32)
    available[[0, 2, 2, 5], [1, 0, 2, 2]] = 0
    targets["teacher_available"] = available
    seen = available.astype(bool)
    absent = {
        **targets,
        "teacher_logits": np.where(seen[..., None], targets["teacher_logits"], np.float32(np.nan)),
        "teacher_embeddings": [
            np.where(seen[:, [k]], one, np.float32(np.inf))
            for k, one in enumerate(targets["teacher_embeddings"])
        ],
    }
    results = []
    for one in (targets, absent):
        watched = {key: tf.constant(outputs[key]) for key in ("logits", "embedding")}
        with tf.GradientTape() as tape:
            tape.watch(watched)
            terms = _loss(name).terms(one, {**outputs, **watched})
        gradients = tape.gradient(terms.loss, watched, unconnected_gradients="zero")
        results.append([terms.loss, *terms.parts.values(), *gradients.values()])
    for expected, found in zip(*results, strict=True):
        assert np.isfinite(found).all()
        np.testing.assert_allclose(found, expected, atol=1e-6)


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
