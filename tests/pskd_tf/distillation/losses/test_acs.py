"""ACS, our reconstruction: the shares of the teachers, and the loss."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st

from pskd_tf.distillation.losses.acs import (
    AdaptiveConfidenceSemantic,
    followed_shares,
    teacher_confidence,
)
from pskd_tf.distillation.losses.base import cross_entropy, semantic_distance
from pskd_tf.distillation.losses.logits import knowledge_distillation
from pskd_tf.training_settings import ACSSettings

SELECTIONS = ("hard", "gap", "near", "right", "soft")
# One sample, label 0. Probabilities at T = 1: teacher 1 (0.8, 0.2), teacher 2 (0.6, 0.4), teacher
# 3, wrong, (0.1, 0.9); the student (0.5, 0.5).
LABEL = np.int32([0])
TEACHERS = np.log(np.float32([[[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]]]))
STUDENT = np.zeros((1, 2), np.float32)
# T = 1, KL from the student's halves: sum p log(2 p).
# KL_1 = 0.8 log 1.6 + 0.2 log 0.4 = 0.8 * 0.470004 - 0.2 * 0.916291 = 0.192745
# KL_2 = 0.6 log 1.2 + 0.4 log 0.8 = 0.6 * 0.182322 - 0.4 * 0.223144 = 0.020136
KL_1, KL_2, CE = 0.192745, 0.020136, 0.693147


def _loss(selection, teachers=TEACHERS, student=STUDENT, **arguments):
    arguments = {"temperature": 1.0, "distillation_weight": 1.0} | arguments
    loss = AdaptiveConfidenceSemantic(selection, **arguments)
    return loss.terms({"labels": LABEL, "teacher_logits": teachers}, {"logits": student})


def test_confidence_is_the_probability_of_the_truth_where_a_teacher_is_right():
    np.testing.assert_allclose(teacher_confidence(LABEL, TEACHERS), [[0.8, 0.6, 0.0]], atol=1e-6)


def test_hard_follows_the_most_confident_teacher_hand_computed():
    # CE + 2 KL_1 = 0.693147 + 2 * 0.192745 = 1.078637
    terms = _loss("hard", distillation_weight=2.0)
    assert float(terms.loss[0]) == pytest.approx(1.078637, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[1, 0, 0, 0]])


def test_gap_follows_only_a_teacher_that_beats_the_student_hand_computed():
    # -log 0.8 = 0.223144 is below CE = 0.693147: as hard, 0.693147 + 2 * 0.192745 = 1.078637
    terms = _loss("gap", distillation_weight=2.0)
    assert float(terms.loss[0]) == pytest.approx(1.078637, abs=1e-5)
    # A student with (0.9, 0.1) beats 0.8, so CE alone is left: -log 0.9 = 0.105361
    better = _loss("gap", student=np.log(np.float32([[0.9, 0.1]])), distillation_weight=2.0)
    assert float(better.loss[0]) == pytest.approx(0.105361, abs=1e-5)
    np.testing.assert_array_equal(better.selection, [[0, 0, 0, 1]])


def test_near_follows_the_right_teacher_that_the_student_is_nearest_to_hand_computed():
    # KL_2 is below KL_1: CE + 2 KL_2 = 0.693147 + 2 * 0.020136 = 0.733419
    terms = _loss("near", distillation_weight=2.0)
    assert float(terms.loss[0]) == pytest.approx(0.733419, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[0, 1, 0, 0]])
    # (0.1, 0.9) agrees with the wrong teacher, yet 2 is the nearer of the right ones:
    # KL_1 = 0.8 log 8 + 0.2 log (2/9) = 1.362738, KL_2 = 0.6 log 6 + 0.4 log (4/9) = 0.750684
    mistaken = _loss("near", student=np.log(np.float32([[0.1, 0.9]])))
    np.testing.assert_array_equal(mistaken.selection, [[0, 1, 0, 0]])
    assert float(mistaken.parts["distillation"][0]) == pytest.approx(0.750684, abs=1e-5)
    # One that is surer than both, (0.9, 0.1), is nearer to 1.
    sure = _loss("near", student=np.log(np.float32([[0.9, 0.1]])))
    np.testing.assert_array_equal(sure.selection, [[1, 0, 0, 0]])


def test_right_follows_every_teacher_that_is_right_equally_hand_computed():
    # CE + 2 (KL_1 + KL_2) / 2 = 0.693147 + 0.192745 + 0.020136 = 0.906028
    terms = _loss("right", distillation_weight=2.0)
    assert float(terms.loss[0]) == pytest.approx(0.906028, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[0.5, 0.5, 0, 0]])


def test_soft_shares_by_confidence_hand_computed():
    # w_1 = 0.8 * 0.8 / 1.4 = 0.457143, w_2 = 0.8 * 0.6 / 1.4 = 0.342857, truth 1 - 0.8 = 0.2
    # 0.2 CE + 2 (w_1 KL_1 + w_2 KL_2)
    # = 0.2 * 0.693147 + 2 (0.457143 * 0.192745 + 0.342857 * 0.020136)
    # = 0.138629 + 2 (0.088112 + 0.006904) = 0.328661
    terms = _loss("soft", distillation_weight=2.0)
    assert float(terms.loss[0]) == pytest.approx(0.328661, abs=1e-5)
    np.testing.assert_allclose(terms.selection, [[0.457143, 0.342857, 0, 0.2]], atol=1e-6)


@pytest.mark.parametrize("selection", ["hard", "gap", "near", "right"])
def test_one_right_teacher_gives_cross_entropy_plus_the_divergence(make_batch, selection):
    """`gap` only where the teacher beats the student: here always, and once more never."""
    targets, outputs = make_batch(teachers=1, boost=30.0)
    labels, teacher, logits = targets["labels"], targets["teacher_logits"], outputs["logits"]
    loss = AdaptiveConfidenceSemantic(selection, 3.0, 0.7, label_smoothing=0.1)
    truth = cross_entropy(labels, logits, 0.1)
    divergence = knowledge_distillation(teacher[:, 0], logits, 3.0)
    terms = loss.terms(targets, outputs)
    np.testing.assert_allclose(terms.loss, truth + 0.7 * divergence, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection, np.tile([1, 0], (8, 1)))
    sure = {"logits": 60 * np.eye(5, dtype=np.float32)[labels]}
    sure_terms = loss.terms(targets, sure)
    followed = selection != "gap"
    np.testing.assert_array_equal(sure_terms.selection, np.tile([followed, not followed], (8, 1)))
    expected = cross_entropy(labels, sure["logits"], 0.1)
    if followed:
        expected += 0.7 * knowledge_distillation(teacher[:, 0], sure["logits"], 3.0)
    np.testing.assert_allclose(sure_terms.loss, expected, rtol=1e-6)


def test_soft_with_one_teacher_of_confidence_c_mixes_by_c(make_batch):
    targets, outputs = make_batch(teachers=1)
    labels, teacher, logits = targets["labels"], targets["teacher_logits"], outputs["logits"]
    confidence = teacher_confidence(labels, teacher)[:, 0]
    assert 0 < np.count_nonzero(confidence) < 8
    truth = cross_entropy(labels, logits, 0.1)
    divergence = knowledge_distillation(teacher[:, 0], logits, 3.0)
    terms = AdaptiveConfidenceSemantic("soft", 3.0, 0.7, label_smoothing=0.1).terms(
        targets, outputs
    )
    expected = (1 - confidence) * truth + confidence * 0.7 * divergence
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-5)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_without_a_right_teacher_the_ground_truth_is_left(make_batch, selection):
    targets, outputs = make_batch(teachers=3, boost=-50.0)
    loss = AdaptiveConfidenceSemantic(selection, semantic_weight=2.0, label_smoothing=0.1)
    terms = loss.terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"], 0.1)
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)
    np.testing.assert_array_equal(terms.selection, np.tile([0, 0, 0, 1], (8, 1)))


@pytest.mark.parametrize("kind", ["mse", "cosine"])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_the_semantic_term_weighs_distances_by_the_shares(make_batch, selection, kind):
    targets, outputs = make_batch(teachers=2)
    plain = AdaptiveConfidenceSemantic(selection).terms(targets, outputs)
    loss = AdaptiveConfidenceSemantic(selection, semantic_weight=0.5, semantic_kind=kind)
    terms = loss.terms(targets, outputs)
    shares = followed_shares(
        targets["labels"], targets["teacher_logits"], outputs["logits"], selection
    )
    distances = [
        semantic_distance(teacher, student, kind)
        for teacher, student in zip(
            targets["teacher_embeddings"], outputs["projected_embeddings"], strict=True
        )
    ]
    expected = 0.5 * np.sum(np.asarray(shares) * np.stack(distances, axis=1), axis=1)
    np.testing.assert_allclose(terms.parts["semantic"], expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(terms.loss, plain.loss + expected, rtol=1e-5)
    assert loss.uses_embeddings and not AdaptiveConfidenceSemantic(selection).uses_embeddings


@pytest.mark.parametrize("semantic_weight", [0.0, 0.5])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_the_order_of_teachers_does_not_matter(make_batch, selection, semantic_weight):
    targets, outputs = make_batch(teachers=3, batch=16)
    # On the first half teachers 1 and 2 tie, on the first quarter all three.
    targets["teacher_logits"][:8, 1] = targets["teacher_logits"][:8, 0]
    targets["teacher_logits"][:4, 2] = targets["teacher_logits"][:4, 0]
    loss = AdaptiveConfidenceSemantic(selection, semantic_weight=semantic_weight)
    before = loss.terms(targets, outputs)
    for order in ([1, 2, 0], [2, 1, 0], [1, 0, 2]):
        moved = {
            "labels": targets["labels"],
            "teacher_logits": targets["teacher_logits"][:, order],
            "teacher_embeddings": [targets["teacher_embeddings"][k] for k in order],
        }
        projected = [outputs["projected_embeddings"][k] for k in order]
        after = loss.terms(moved, {**outputs, "projected_embeddings": projected})
        np.testing.assert_allclose(after.loss, before.loss, rtol=1e-5)
        columns = [*order, 3]
        expected = np.asarray(before.selection)[:, columns]
        np.testing.assert_allclose(after.selection, expected, atol=1e-6)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_equal_confidences_share_equally(selection):
    teachers = np.log(np.float32([[[0.8, 0.2], [0.8, 0.2], [0.1, 0.9]]]))
    # All others: a half each; soft: 0.8 * 0.8 / 1.6 = 0.4 each and 0.2 for the truth.
    expected = [[0.4, 0.4, 0.0, 0.2]] if selection == "soft" else [[0.5, 0.5, 0.0, 0.0]]
    np.testing.assert_allclose(_loss(selection, teachers).selection, expected, atol=1e-6)


@given(
    teachers=st.lists(
        st.lists(st.floats(-40, 40, width=32), min_size=4, max_size=4), min_size=3, max_size=3
    ),
    student=st.lists(st.floats(-40, 40, width=32), min_size=4, max_size=4),
    label=st.integers(0, 3),
    selection=st.sampled_from(SELECTIONS),
)
def test_shares_are_a_partition_and_the_loss_is_finite(teachers, student, label, selection):
    targets = {"labels": np.int32([label]), "teacher_logits": np.float32([teachers])}
    terms = AdaptiveConfidenceSemantic(selection).terms(targets, {"logits": np.float32([student])})
    selected = np.asarray(terms.selection)
    assert selected.min() >= -1e-6 and selected.max() <= 1 + 1e-6
    assert selected.sum() == pytest.approx(1.0, abs=1e-6)
    assert np.isfinite(terms.loss[0]) and terms.loss[0] >= -1e-3


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_constant_added_to_any_row_of_logits_is_ignored(make_batch, selection):
    targets, outputs = make_batch(teachers=2)
    loss = AdaptiveConfidenceSemantic(selection)
    before = loss.terms(targets, outputs)
    generator = np.random.default_rng(1)
    shifts = generator.normal(0, 5, (8, 2, 1)).astype(np.float32)
    moved = {**targets, "teacher_logits": targets["teacher_logits"] + shifts}
    logits = outputs["logits"] + generator.normal(0, 5, (8, 1)).astype(np.float32)
    after = loss.terms(moved, {**outputs, "logits": logits})
    np.testing.assert_allclose(after.loss, before.loss, atol=1e-4)
    np.testing.assert_allclose(after.selection, before.selection, atol=1e-5)


@pytest.mark.parametrize("kind", ["mse", "cosine"])
@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_student_equal_to_its_teachers_has_no_loss_and_no_gradient_from_them(
    make_batch, selection, kind
):
    targets, _ = make_batch(teachers=2)
    logits = targets["teacher_logits"][:, 0]
    targets["teacher_logits"] = np.stack([logits, logits], axis=1)
    student = tf.Variable(logits)
    projected = [tf.Variable(embedding) for embedding in targets["teacher_embeddings"]]
    loss = AdaptiveConfidenceSemantic(selection, semantic_weight=0.5, semantic_kind=kind)
    with tf.GradientTape() as tape:
        terms = loss.terms(targets, {"logits": student, "projected_embeddings": projected})
        pull = terms.parts["distillation"] + terms.parts["semantic"]
    for gradient in tape.gradient(pull, [student, *projected]):
        np.testing.assert_allclose(gradient, 0.0, atol=1e-6)


@pytest.mark.parametrize("selection", SELECTIONS)
def test_no_gradient_flows_through_the_shares(make_batch, selection):
    targets, outputs = make_batch()
    teachers, student = tf.constant(targets["teacher_logits"]), tf.constant(outputs["logits"])
    with tf.GradientTape() as tape:
        tape.watch([teachers, student])
        shares = followed_shares(targets["labels"], teachers, student, selection)
    assert tape.gradient(shares, [teachers, student]) == [None, None]
    # The gradient of the loss is that with the shares held fixed.
    loss = AdaptiveConfidenceSemantic(selection, temperature=4.0, distillation_weight=1.0)
    with tf.GradientTape() as tape:
        tape.watch(student)
        total = loss.terms(targets, {"logits": student}).loss
    fixed = shares.numpy()
    with tf.GradientTape() as other_tape:
        other_tape.watch(student)
        truth = cross_entropy(targets["labels"], student)
        weight = 1 - fixed.sum(axis=1) if selection == "soft" else 1.0
        pull = knowledge_distillation(targets["teacher_logits"], student[:, None], 4.0)
        by_hand = weight * truth + tf.reduce_sum(fixed * pull, axis=1)
    np.testing.assert_allclose(
        tape.gradient(total, student), other_tape.gradient(by_hand, student), atol=1e-6
    )


def test_an_unknown_selection_is_named():
    with pytest.raises(ValueError) as error:
        AdaptiveConfidenceSemantic("best")
    expected = "acs_selection must be one of hard, gap, near, right, soft. Received: best"
    assert str(error.value) == expected


def test_a_temperature_must_be_positive():
    with pytest.raises(ValueError) as error:
        AdaptiveConfidenceSemantic(temperature=0.0)
    assert str(error.value) == "temperature must be positive. Received: 0.0"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            {"selection": "best"},
            "acs_selection must be one of hard, gap, near, right, soft. Received: best",
        ),
        ({"semantic_kind": "l1"}, "semantic_kind must be one of mse, cosine. Received: l1"),
        ({"temperature": 0}, "temperature must be positive. Received: 0"),
        ({"distillation_weight": -1}, "distillation_weight must not be negative. Received: -1"),
        ({"semantic_weight": -2}, "semantic_weight must not be negative. Received: -2"),
        ({"label_smoothing": 1}, "label_smoothing must lie in 0..1, 1 excluded. Received: 1"),
    ],
)
def test_wrong_acs_settings_are_named(arguments, text):
    with pytest.raises(ValueError) as error:
        ACSSettings(**arguments)
    assert str(error.value) == text
