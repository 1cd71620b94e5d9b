"""Losses on logits: hand-computed values, the identities of their formulas, wrong arguments."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, strategies as st

from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import (
    DecoupledDistillation,
    KnowledgeDistillation,
    StrongerTeacherDistillation,
    decoupled_distillation,
    knowledge_distillation,
    pearson,
    stronger_teacher_distillation,
)

ROW = st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4)


# At T = 2 these soften to (3/4, 1/4) and (1/2, 1/2).
TEACHER, STUDENT = 2 * np.log(np.float32([[3.0, 1.0]])), np.zeros((1, 2), np.float32)


def test_the_divergence_has_a_hand_computed_value():
    # KL = 3/4 log((3/4) / (1/2)) + 1/4 log((1/4) / (1/2))
    #    = 0.75 * 0.405465 - 0.25 * 0.693147 = 0.130812; times T^2 = 4: 0.523248
    value = knowledge_distillation(TEACHER, STUDENT, 2.0)[0]
    assert float(value) == pytest.approx(0.523248, abs=1e-6)


def test_the_mean_of_two_teachers_has_a_hand_computed_value():
    # Teacher 1 as above, teacher 2 equal to the student: mean (0.523248 + 0) / 2 = 0.261624.
    # CE of two equal logits: log 2 = 0.693147. lambda = 3: 0.693147 + 3 * 0.261624 = 1.478019
    targets = {"labels": np.int32([0]), "teacher_logits": np.stack([TEACHER, STUDENT], axis=1)}
    terms = KnowledgeDistillation(2.0, 3.0).terms(targets, {"logits": STUDENT})
    assert float(terms.loss[0]) == pytest.approx(1.478019, abs=1e-5)
    assert float(terms.parts["cross_entropy"][0]) == pytest.approx(0.693147, abs=1e-6)
    assert float(terms.parts["distillation"][0]) == pytest.approx(0.784872, abs=1e-5)
    np.testing.assert_array_equal(terms.selection, [[0.5, 0.5, 0.0]])


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_a_student_equal_to_the_teacher_has_no_loss_and_no_gradient(make_batch, temperature):
    teacher = make_batch(teachers=1)[0]["teacher_logits"][:, 0]
    student = tf.Variable(teacher)
    with tf.GradientTape() as tape:
        loss = knowledge_distillation(teacher, student, temperature)
    np.testing.assert_allclose(loss, 0.0, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, student), 0.0, atol=1e-6)


def test_the_gradient_is_t_times_the_difference_of_soft_outputs(make_batch):
    targets, outputs = make_batch(teachers=1)
    teacher, student = targets["teacher_logits"][:, 0], tf.Variable(outputs["logits"])
    with tf.GradientTape() as tape:
        loss = knowledge_distillation(teacher, student, 4.0)
    expected = 4.0 * (tf.nn.softmax(student / 4.0) - tf.nn.softmax(teacher / 4.0))
    np.testing.assert_allclose(tape.gradient(loss, student), expected, atol=1e-5)


@given(
    teacher=ROW,
    student=ROW,
    temperature=st.floats(0.5, 20),
    constants=st.tuples(*[st.floats(-30, 30, width=32)] * 2),
)
def test_it_is_finite_not_negative_and_ignores_constants(teacher, student, temperature, constants):
    teacher, student = np.float32([teacher]), np.float32([student])
    loss = float(knowledge_distillation(teacher, student, temperature)[0])
    assert np.isfinite(loss) and loss >= -1e-3
    shifted = knowledge_distillation(
        teacher + np.float32(constants[0]), student + np.float32(constants[1]), temperature
    )
    assert float(shifted[0]) == pytest.approx(loss, rel=1e-4, abs=5e-3)


def test_one_teacher_gives_cross_entropy_plus_the_weighted_divergence(make_batch):
    targets, outputs = make_batch(teachers=1)
    loss = KnowledgeDistillation(4.0, 0.7, 0.1).terms(targets, outputs).loss
    expected = cross_entropy(targets["labels"], outputs["logits"], 0.1) + 0.7 * (
        knowledge_distillation(targets["teacher_logits"][:, 0], outputs["logits"], 4.0)
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_the_order_of_teachers_does_not_matter(make_batch):
    targets, outputs = make_batch(teachers=3)
    backwards = {**targets, "teacher_logits": targets["teacher_logits"][:, ::-1]}
    loss = KnowledgeDistillation()
    np.testing.assert_allclose(
        loss.terms(targets, outputs).loss, loss.terms(backwards, outputs).loss, rtol=1e-6
    )


@pytest.mark.parametrize("temperature", [0, -1.0])
def test_a_temperature_must_be_positive(temperature):
    with pytest.raises(ValueError) as error:
        KnowledgeDistillation(temperature=temperature)
    assert str(error.value) == f"temperature must be positive. Received: {temperature}"


DKD_TEACHER = np.log(np.float32([[[0.5, 0.25, 0.25]]]))


DKD_STUDENT = np.log(np.float32([[0.5, 0.4, 0.1]]))


def test_target_and_non_target_parts_have_hand_computed_values():
    # Label 0: (0.5, 0.5) against itself: 0. Others (0.5, 0.5) against (0.8, 0.2):
    # 0.5 log(0.5 / 0.8) + 0.5 log(0.5 / 0.2) = -0.235002 + 0.458145 = 0.223144
    target, non_target = decoupled_distillation(np.int32([0]), DKD_TEACHER, DKD_STUDENT, 1.0)
    assert float(target[0, 0]) == pytest.approx(0.0, abs=1e-6)
    assert float(non_target[0, 0]) == pytest.approx(0.223144, abs=1e-5)
    # Label 1: 0.25 log(0.25 / 0.4) + 0.75 log(0.75 / 0.6) = 0.049857. Others (2/3, 1/3) against
    # (5/6, 1/6): 2/3 log 0.8 + 1/3 log 2 = 0.082287.
    # -log 0.4 + 0.049857 + 8 * 0.082287 = 0.916291 + 0.708153 = 1.624444
    targets = {"labels": np.int32([1]), "teacher_logits": DKD_TEACHER}
    terms = DecoupledDistillation(1.0).terms(targets, {"logits": DKD_STUDENT})
    assert float(terms.loss[0]) == pytest.approx(1.624444, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_decoupled_parts_add_up_to_knowledge_distillation(make_batch, temperature):
    """KD = TCKD + (1 - p_y) NCKD, p_y the teacher's."""
    targets, outputs = make_batch(teachers=3)
    labels, teachers = targets["labels"], targets["teacher_logits"]
    target, non_target = decoupled_distillation(labels, teachers, outputs["logits"], temperature)
    soft = np.exp(teachers / temperature)
    truth = (soft / soft.sum(axis=2, keepdims=True))[np.arange(8), :, labels]
    expected = knowledge_distillation(teachers, outputs["logits"][:, None], temperature)
    np.testing.assert_allclose(target + (1 - truth) * non_target, expected, rtol=1e-4, atol=1e-5)


def test_with_two_classes_the_non_target_part_is_0(make_batch):
    targets, outputs = make_batch(teachers=2, classes=2)
    teachers, logits = targets["teacher_logits"], outputs["logits"]
    target, non_target = decoupled_distillation(targets["labels"], teachers, logits, 2.0)
    np.testing.assert_allclose(non_target, 0.0, atol=1e-6)
    expected = knowledge_distillation(teachers, logits[:, None], 2.0)
    np.testing.assert_allclose(target, expected, rtol=1e-4, atol=1e-6)


def test_the_non_target_part_ignores_the_logit_of_the_label(make_batch):
    targets, outputs = make_batch(teachers=2)
    labels, logits = targets["labels"], outputs["logits"]
    raised = logits + 3 * np.eye(5, dtype=np.float32)[labels]
    before = decoupled_distillation(labels, targets["teacher_logits"], logits, 4.0)
    after = decoupled_distillation(labels, targets["teacher_logits"], raised, 4.0)
    np.testing.assert_allclose(after[1], before[1], rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(after[0] - before[0])).max() > 1e-2


def test_stronger_teacher_distillation_has_a_hand_computed_value():
    # (0.5, 0.3, 0.2) and (0.2, 0.3, 0.5), centred: covariance -0.043333, variances 0.046667 both:
    # correlation -0.928571, inter 1.928571. Over the two samples class 0 and 2 correlate -1,
    # class 1 has no variance and counts 0: intra 1 + 2/3. CE = -log 0.2 = 1.609438.
    # 1.609438 + 1.928571 + 1.666667 = 5.204676; at T = 1 no further factor.
    rows = np.log(np.float32([[0.5, 0.3, 0.2], [0.2, 0.3, 0.5]]))
    targets = {"labels": np.int32([0, 2]), "teacher_logits": rows[:, None]}
    terms = StrongerTeacherDistillation().terms(targets, {"logits": rows[::-1]})
    np.testing.assert_allclose(terms.loss, [5.204676, 5.204676], atol=1e-4)
    np.testing.assert_array_equal(terms.selection, [[1, 0], [1, 0]])


def test_pearson_equals_numpy_s_and_ignores_scale_and_shift():
    first, second = np.random.default_rng(0).normal(size=(2, 9)).astype(np.float32)
    expected = np.corrcoef(first, second)[0, 1]
    for moved in (second, 0.01 * second + 3, 100 * second - 1):
        assert float(pearson(first, moved, 1.0, 0)) == pytest.approx(expected, abs=1e-4)
    assert float(pearson(first, -second, 1.0, 0)) == pytest.approx(-expected, abs=1e-5)
    weights = np.float32([1, 0, 1, 1, 1, 0, 1, 1, 1])
    some = weights.astype(bool)
    expected = np.corrcoef(first[some], second[some])[0, 1]
    assert float(pearson(first, second, weights, 0)) == pytest.approx(expected, abs=1e-5)


def test_a_less_certain_student_that_correlates_fully_has_no_loss(make_batch):
    """A student of p_s = a p_t + (1 - a) / classes is less sure and correlates fully."""
    teachers = make_batch(teachers=1)[0]["teacher_logits"]
    soft = np.exp(teachers) / np.exp(teachers).sum(axis=2, keepdims=True)
    student = np.log(0.3 * soft[:, 0] + 0.7 / 5)
    inter, intra = stronger_teacher_distillation(teachers, student, np.ones((8, 1)), 1.0)
    np.testing.assert_allclose(inter, 0.0, atol=1e-5)
    np.testing.assert_allclose(intra, 0.0, atol=1e-5)


def test_the_intra_class_term_uses_only_samples_the_teacher_sees(make_batch):
    targets, outputs = make_batch(teachers=1)
    teachers, logits = targets["teacher_logits"], outputs["logits"]
    seen = np.float32([1, 1, 0, 1, 1, 1, 0, 1])[:, None]
    some = seen[:, 0].astype(bool)
    _, intra = stronger_teacher_distillation(teachers, logits, seen, 2.0)
    everyone = np.ones((6, 1), np.float32)
    _, alone = stronger_teacher_distillation(teachers[some], logits[some], everyone, 2.0)
    np.testing.assert_allclose(intra, alone, rtol=1e-5)


def test_rrkd_at_temperature_1_is_dist_and_at_2_what_its_code_computes(make_batch):
    targets, outputs = make_batch(teachers=1)
    student = np.asarray(tf.nn.softmax(outputs["logits"] / 2.0))
    teacher = np.asarray(tf.nn.softmax(targets["teacher_logits"][:, 0] / 2.0))
    over_classes = [np.corrcoef(one, two)[0, 1] for one, two in zip(student, teacher, strict=True)]
    over_batch = [np.corrcoef(student[:, c], teacher[:, c])[0, 1] for c in range(5)]
    truth = np.mean(cross_entropy(targets["labels"], outputs["logits"]))
    expected = truth + 2 * 4 * (1 - np.mean(over_classes)) + 4 * 4 * (1 - np.mean(over_batch))
    found = StrongerTeacherDistillation(2.0, 2.0, 4.0).terms(targets, outputs).loss
    assert float(np.mean(found)) == pytest.approx(expected, rel=1e-4)
    softened = {**targets, "teacher_logits": targets["teacher_logits"] / 2.0}
    at_1 = StrongerTeacherDistillation(1.0, 8.0, 16.0).terms(
        softened, {**outputs, "logits": outputs["logits"] / 2.0}
    )
    parts = StrongerTeacherDistillation(2.0, 2.0, 4.0).terms(targets, outputs).parts
    np.testing.assert_allclose(parts["distillation"], at_1.parts["distillation"], rtol=1e-4)


def test_the_mean_of_teachers_pulls_as_their_mean_softmax_does(make_batch):
    """LHAR's ensemble: the two losses differ by what the student does not change."""
    targets, outputs = make_batch(teachers=3)
    mean = np.asarray(tf.nn.softmax(targets["teacher_logits"] / 2.0)).mean(axis=1)
    student = tf.Variable(outputs["logits"])
    with tf.GradientTape() as tape:
        loss = KnowledgeDistillation(2.0, 1.0).terms(targets, {"logits": student})
        pull = tf.reduce_sum(loss.parts["distillation"])
    expected = 2.0 * (np.asarray(tf.nn.softmax(outputs["logits"] / 2.0)) - mean)
    np.testing.assert_allclose(tape.gradient(pull, student), expected, atol=1e-5)
