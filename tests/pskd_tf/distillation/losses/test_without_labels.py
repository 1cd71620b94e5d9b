"""Losses on samples without a label (-1)."""

import numpy as np
import pytest
import tensorflow as tf

from pskd_tf.distillation.losses import make_loss
from pskd_tf.distillation.losses.acs import (
    AdaptiveConfidenceSemantic,
    followed_shares,
    teacher_confidence,
)
from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import KnowledgeDistillation
from pskd_tf.distillation.losses.pseudo_labels import FixMatch, PseudoLabels, pseudo_labels

NO_LABEL = np.int32([-1])
# Two classes. Probabilities at T = 1: (0.8, 0.2), (0.4, 0.6), (0.1, 0.9); the student halves.
TEACHERS = np.log(np.float32([[[0.8, 0.2], [0.4, 0.6], [0.1, 0.9]]]))
STUDENT = np.zeros((1, 2), np.float32)
TARGETS = {"labels": NO_LABEL, "teacher_logits": TEACHERS}
# T = 1, KL from the student's halves: ln 2 minus the teacher's entropy.
# Entropies: 0.500402, 0.673012, 0.325083, so KL = 0.192745, 0.020136, 0.368064
KL = (0.192745, 0.020136, 0.368064)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_without_a_label_is_0_and_has_no_gradient(smoothing):
    logits = tf.Variable([[2.0, -1.0, 0.5], [2.0, -1.0, 0.5]])
    with tf.GradientTape() as tape:
        values = cross_entropy(np.int32([-1, 1]), logits, smoothing)
        loss = tf.reduce_sum(values)
    gradient = tape.gradient(loss, logits).numpy()
    assert values.numpy()[0] == 0 and values.numpy()[1] > 1
    assert not gradient[0].any() and gradient[1].any()


def test_knowledge_distillation_is_the_mean_divergence_alone():
    loss = KnowledgeDistillation(1.0, 2.0, label_smoothing=0.1)
    terms = loss.terms(TARGETS, {"logits": STUDENT})
    assert float(terms.parts["cross_entropy"][0]) == 0
    assert float(terms.loss[0]) == pytest.approx(2 * sum(KL) / 3, abs=1e-5)


def test_confidence_is_the_largest_probability_unless_it_is_low():
    np.testing.assert_allclose(teacher_confidence(NO_LABEL, TEACHERS), [[0.8, 0.6, 0.9]], 1e-6)
    np.testing.assert_allclose(teacher_confidence(NO_LABEL, TEACHERS, 0.7), [[0.8, 0.0, 0.9]], 1e-6)
    # With a label the bound does nothing.
    np.testing.assert_allclose(
        teacher_confidence(np.int32([1]), TEACHERS, 0.7), [[0.0, 0.6, 0.9]], 1e-6
    )


@pytest.mark.parametrize(
    ("selection", "lowest", "expected"),
    [
        ("hard", 0.0, [0, 0, 1]),
        ("near", 0.0, [0, 1, 0]),
        ("near", 0.7, [1, 0, 0]),
        ("right", 0.7, [0.5, 0, 0.5]),
        ("right", 0.95, [0, 0, 0]),
        # w_k = max(c) c_k / sum c = 0.9 * (0.8, 0.6, 0.9) / 2.3
        ("soft", 0.0, [0.313043, 0.234783, 0.352174]),
        ("gap", 0.0, [0, 0, 1]),
    ],
)
def test_shares_follow_confidence(selection, lowest, expected):
    shares = followed_shares(NO_LABEL, TEACHERS, STUDENT, selection, None, lowest)
    np.testing.assert_allclose(shares, [expected], atol=1e-5)


def test_gap_leaves_a_student_alone_that_is_surer_than_every_teacher():
    student = np.log(np.float32([[0.05, 0.95]]))
    assert not np.any(followed_shares(NO_LABEL, TEACHERS, student, "gap"))


@pytest.mark.parametrize("selection", ["hard", "soft", "right", "near", "gap"])
def test_acs_without_a_label_has_no_cross_entropy(selection):
    loss = AdaptiveConfidenceSemantic(selection, temperature=1.0, distillation_weight=1.0)
    terms = loss.terms(TARGETS, {"logits": STUDENT})
    shares = np.asarray(terms.selection)[0, :3]
    assert float(terms.loss[0]) == pytest.approx(float(shares @ np.array(KL)), abs=1e-5)


def test_a_pseudo_label_is_the_class_of_the_mean_probabilities():
    # Means (0.433333, 0.566667).
    every = np.ones((1, 3), np.float32)
    assert pseudo_labels(NO_LABEL, TEACHERS, every, 0.5).numpy() == [1]
    assert pseudo_labels(NO_LABEL, TEACHERS, every, 0.6).numpy() == [-1]
    assert pseudo_labels(NO_LABEL, TEACHERS, every, 0.5, unanimous=True).numpy() == [-1]
    # Without the first the others agree: means (0.25, 0.75).
    two = np.float32([[0, 1, 1]])
    assert pseudo_labels(NO_LABEL, TEACHERS, two, 0.7, unanimous=True).numpy() == [1]
    assert pseudo_labels(np.int32([0]), TEACHERS, every, 0.5).numpy() == [0]
    assert pseudo_labels(NO_LABEL, TEACHERS, 0 * every, 0.0).numpy() == [-1]


def test_pseudo_labels_are_learnt_with_their_own_weight():
    targets = {
        "labels": np.int32([0, -1, -1]),
        "teacher_logits": np.concatenate([TEACHERS, TEACHERS, 0 * TEACHERS]),
    }
    loss = PseudoLabels(distillation_weight=0.5, lowest_confidence=0.55)
    terms = loss.terms(targets, {"logits": np.zeros((3, 2), np.float32)})
    # ln 2 for the label, half of it for the pseudo-label, nothing where all are at 0.5.
    np.testing.assert_allclose(terms.loss, [0.693147, 0.346574, 0], atol=1e-5)
    np.testing.assert_allclose(np.asarray(terms.selection)[:, 3], [1, 0, 1], atol=1e-6)


def test_fixmatch_follows_its_own_guess_from_the_threshold_on():
    targets = {
        "labels": np.int32([0, -1, -1]),
        "second_logits": np.log(np.float32([[0.1, 0.9], [0.1, 0.9], [0.3, 0.7]])),
    }
    outputs = {"logits": np.log(np.float32([[0.5, 0.5], [0.75, 0.25], [0.75, 0.25]]))}
    terms = FixMatch(distillation_weight=0.5, lowest_confidence=0.8).terms(targets, outputs)
    # ln 2 for the label, half of ln 4 for a guess of 0.9, nothing for one of 0.7.
    np.testing.assert_allclose(terms.parts["cross_entropy"], [0.693147, 0, 0], atol=1e-5)
    np.testing.assert_allclose(terms.parts["distillation"], [0, 0.693147, 0], atol=1e-5)
    lower = FixMatch(lowest_confidence=0.69).terms(targets, outputs)
    np.testing.assert_allclose(lower.loss, [0.693147, 1.386294, 1.386294], atol=1e-5)


def test_no_gradient_flows_through_the_guess_of_fixmatch():
    second = tf.Variable(np.log(np.float32([[0.1, 0.9]])))
    logits = tf.Variable(np.log(np.float32([[0.75, 0.25]])))
    with tf.GradientTape() as tape:
        targets = {"labels": NO_LABEL, "second_logits": second}
        loss = FixMatch(lowest_confidence=0.8).terms(targets, {"logits": logits}).loss
    through_guess, through_student = tape.gradient(loss, [second, logits])
    assert through_guess is None
    # That of cross-entropy with class 1: p - onehot.
    np.testing.assert_allclose(through_student, [[0.75, -0.75]], atol=1e-6)


@pytest.mark.parametrize("second", [True, False])
def test_fixmatch_is_cross_entropy_where_all_have_labels_or_no_second_view_is_there(second):
    labels = np.int32([0, 1] if second else [0, -1])
    targets = {"labels": labels} | (
        {"second_logits": np.float32([[0, 9], [9, 0]])} if second else {}
    )
    outputs = {"logits": np.float32([[1, 2], [3, 1]])}
    terms = FixMatch(lowest_confidence=0.5, label_smoothing=0.1).terms(targets, outputs)
    expected = cross_entropy(labels, outputs["logits"], 0.1)
    np.testing.assert_array_equal(terms.loss, expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cross_entropy", False),
        ("knowledge_distillation", True),
        ("adaptive_confidence_semantic", True),
        ("pseudo_labels", True),
        ("fixmatch", True),
        ("contrastive", True),
        ("queue_similarity", True),
        ("entropy_based_distillation", True),
        ("guided_knowledge_distillation", False),
        ("confidence_aware_distillation", False),
        ("decoupled_distillation", False),
    ],
)
def test_a_loss_states_whether_it_learns_without_labels(name, expected):
    assert make_loss(name, {}).learns_without_labels is expected
