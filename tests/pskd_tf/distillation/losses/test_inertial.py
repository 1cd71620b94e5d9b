"""FeatureKD, MSKD and the TAS chain: closed forms by hand, and losses they are in special cases."""

import numpy as np
import pytest
from keras import ops

from data_prep.errors import UserError
from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.contrastive import info_nce
from pskd_tf.distillation.losses.embeddings import (
    SemanticRegression,
    SimilarityPreservingDistillation,
    similarity_preserving,
)
from pskd_tf.distillation.losses.inertial import (
    AssistantContrast,
    FeatureDistillation,
    MultiScaleSimilarity,
    focal_loss,
)
from pskd_tf.distillation.losses.registry import make_loss


def test_the_focal_loss_by_hand():
    # p_y = 1/2 and 3/4: .6 (1/2)^2 log 2 = .103972; .6 (1/4)^2 log(4/3) = .010788.
    logits = np.log(np.float32([[1, 1], [3, 1]]))
    value = focal_loss(np.int32([0, 0]), logits, 0.6, 2.0)
    np.testing.assert_allclose(value, [0.103972, 0.010788], atol=1e-6)


def test_the_focal_loss_without_focus_is_cross_entropy(make_batch):
    targets, outputs = make_batch()
    same = cross_entropy(targets["labels"], outputs["logits"])
    np.testing.assert_allclose(focal_loss(targets["labels"], outputs["logits"], 1.0, 0.0), same)


def test_feature_kd_by_hand():
    # At T = 2 the teacher's features soften to (3/4, 1/4), the student's to (1/2, 1/2): KL .130812.
    # The first sample's teacher is right (2/3), the second's wrong (1/3); focal as above, p 1/2.
    # .8 * 2/3 * .130812 + .2 * .103972 = .090561; .8 * 1/3 * .130812 + .020794 = .055678.
    features = 2 * np.log(np.float32([[3, 1], [3, 1]]))
    targets = {
        "labels": np.int32([0, 1]),
        "teacher_logits": np.float32([[[2, 0]], [[2, 0]]]),
        "teacher_embeddings": [features],
    }
    nothing = np.zeros((2, 2), np.float32)
    terms = FeatureDistillation().terms(targets, {"logits": nothing, "embedding": nothing})
    np.testing.assert_allclose(terms.loss, [0.090561, 0.055678], atol=1e-6)
    np.testing.assert_allclose(terms.selection, [[0.8, 0.2]] * 2, rtol=1e-6)


def test_feature_kd_where_no_teacher_is_available_is_focal(make_batch):
    targets, outputs = make_batch(teachers=1)
    outputs["embedding"] = outputs["projected_embeddings"][0]
    targets["teacher_available"] = np.zeros((8, 1), np.float32)
    targets["teacher_embeddings"] = [np.full((8, 3), np.nan, np.float32)]
    loss = FeatureDistillation().terms(targets, outputs).loss
    np.testing.assert_allclose(loss, focal_loss(targets["labels"], outputs["logits"], 0.6, 2.0))


def test_feature_kd_needs_embeddings_of_one_width(tiny_model):
    rule = r"needs embeddings of one width: the student's has 4 values. Received: 6 of body"
    with pytest.raises(UserError, match=rule):
        PSKDDistiller(tiny_model(), {"body": tiny_model(width=6)}, FeatureDistillation())
    with pytest.raises(UserError, match=rule):
        PSKDDistiller(tiny_model(), {"body": None}, FeatureDistillation(), {"body": 6})
    assert PSKDDistiller(tiny_model(), {"body": tiny_model(seed=1)}, FeatureDistillation())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "temperature must be positive"),
        ({"feature_share": 2}, r"feature_share must lie in 0\.\.1\. Received: 2"),
        ({"focus": -1}, r"focus must not be negative\. Received: -1"),
    ],
)
def test_wrong_arguments_of_feature_kd_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_loss("feature_distillation", arguments)


def test_mskd_adds_the_similarity_of_probabilities_to_sp(make_batch):
    targets, outputs = make_batch(teachers=1)
    found = MultiScaleSimilarity(3.0).terms(targets, outputs).loss
    seen = np.ones(8, np.float32)
    teacher = ops.softmax(targets["teacher_logits"][:, 0])
    coarse = similarity_preserving(teacher, ops.softmax(outputs["logits"]), seen)
    fine = SimilarityPreservingDistillation(3.0).terms(targets, outputs).loss
    np.testing.assert_allclose(found, fine + 3.0 * coarse, rtol=1e-5)
    assert float(coarse[0]) > 1e-3


def test_tas_is_regression_and_contrast(make_batch):
    targets, outputs = make_batch(teachers=1)
    regression = SemanticRegression(2.0).terms(targets, outputs).loss
    without = AssistantContrast(2.0, 0.0).terms(targets, outputs).loss
    np.testing.assert_allclose(without, regression, rtol=1e-5)
    student, teacher = outputs["projected_embeddings"][0], targets["teacher_embeddings"][0]
    contrast = info_nce(student, teacher, np.ones(8, np.float32), 0.07)
    both = AssistantContrast(2.0, 0.5).terms(targets, outputs).loss
    np.testing.assert_allclose(both, regression + 0.5 * contrast, rtol=1e-5)
