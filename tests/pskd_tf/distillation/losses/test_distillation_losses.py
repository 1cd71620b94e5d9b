"""What every loss keeps to: Keras' interface, serialisation, and tf_keras tensors."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from data_prep.errors import UserError
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import CrossEntropy, DistillationLoss
from pskd_tf.distillation.losses.features import (
    AdaptiveEnsembleDistillation,
    ConfidenceAwareDistillation,
    RelationalDistillation,
    SemanticRegression,
    SimilarityPreservingDistillation,
)
from pskd_tf.distillation.losses.logits import (
    DecoupledDistillation,
    DenselyGuidedDistillation,
    EntropyBasedDistillation,
    GuidedKnowledgeDistillation,
    KnowledgeDistillation,
    StrongerTeacherDistillation,
    TeacherAssistantDistillation,
)
from pskd_tf.distillation.losses.registry import make_loss
from pskd_tf.settings import SELECTIONS, ACSSettings

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
        "stronger_teacher_distillation. Received: acs"
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
