"""Weights of classes: closed forms."""

import keras
import numpy as np
import pytest

from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.base import CrossEntropy
from pskd_tf.distillation.losses.class_weights import ClassWeighted, balanced_class_weights
from pskd_tf.distillation.losses.contrastive import Contrastive
from pskd_tf.distillation.losses.inertial import FeatureDistillation
from pskd_tf.distillation.losses.two_teachers import TopologicalGuidance
from pskd_tf.distillation.step import distillation_step


def test_balanced_weights_by_hand():
    """Six, three and one clip of ten: 10 / (3 n_c); an absent class and no label count nothing."""
    labels = np.array([0] * 6 + [1] * 3 + [3] + [-1] * 4)
    weights = balanced_class_weights(labels, 4)
    assert weights == pytest.approx((10 / 18, 10 / 9, 1.0, 10 / 3))
    assert np.mean([weights[label] for label in labels[:10]]) == pytest.approx(1.0)


def test_a_sample_counts_by_its_label():
    """Even logits of two classes: log 2 each, times 0.5, 2 and, without a label, 0."""
    loss = ClassWeighted(CrossEntropy(), (0.5, 2.0))
    targets = {"labels": np.array([0, 1, -1])}
    terms = loss.terms(targets, {"logits": np.zeros((3, 2), np.float32)})
    expected = np.log(2) * np.array([0.5, 2.0, 0.0])
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)
    np.testing.assert_allclose(terms.parts["cross_entropy"], expected, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection, np.ones((3, 1)))


def test_each_source_of_a_mixture_has_its_own_weight():
    """A quarter of class 0, three quarters of class 1, and the other way round in the next one."""
    loss = ClassWeighted(CrossEntropy(), (0.5, 2.0))
    targets = {"labels": np.array([0, 1])}
    outputs = {"logits": np.zeros((2, 2), np.float32)}
    terms = distillation_step(loss, targets, outputs, np.array([0.25, 0.25], np.float32))
    expected = np.log(2) * np.array([0.25 * 0.5 + 0.75 * 2.0, 0.25 * 2.0 + 0.75 * 0.5])
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)


def test_weights_of_one_are_the_loss_itself_and_it_can_be_saved():
    generator = np.random.default_rng(0)
    loss = AdaptiveConfidenceSemantic("soft", temperature=2.0)
    targets = {
        "labels": np.array([0, 2, 1]),
        "teacher_logits": generator.normal(size=(3, 2, 3)).astype(np.float32),
    }
    outputs = {"logits": generator.normal(size=(3, 3)).astype(np.float32)}
    weighted = ClassWeighted(loss, (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(
        weighted.terms(targets, outputs).loss, loss.terms(targets, outputs).loss
    )
    assert weighted.uses_projections == loss.uses_projections
    again = ClassWeighted.from_config(weighted.get_config())
    assert again.weights == (1.0, 1.0, 1.0)
    assert keras.saving.serialize_keras_object(again) == keras.saving.serialize_keras_object(
        weighted
    )


def test_it_needs_of_models_what_its_loss_needs():
    for loss in (
        TopologicalGuidance(),
        FeatureDistillation(),
        Contrastive(0.1, learns_temperature=True),
    ):
        weighted = ClassWeighted(loss, (1.0, 2.0))
        for name in ("least_teachers", "equal_widths", "learned_weights", "uses_projections"):
            assert getattr(weighted, name) == getattr(loss, name), name
