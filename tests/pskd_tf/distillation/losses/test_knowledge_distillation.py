"""Distillation of softened outputs (Hinton, Vinyals, Dean 2015)."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import KnowledgeDistillation, knowledge_distillation

ROW = st.lists(st.floats(-60, 60, width=32), min_size=4, max_size=4)
# At T = 2 these soften to (3/4, 1/4) and (1/2, 1/2).
TEACHER, STUDENT = 2 * np.log(np.float32([[3.0, 1.0]])), np.zeros((1, 2), np.float32)


def test_a_hand_computed_number():
    # KL = 3/4 log((3/4) / (1/2)) + 1/4 log((1/4) / (1/2))
    #    = 0.75 * 0.405465 - 0.25 * 0.693147 = 0.130812; times T^2 = 4: 0.523248
    value = knowledge_distillation(TEACHER, STUDENT, 2.0)[0]
    assert float(value) == pytest.approx(0.523248, abs=1e-6)


def test_the_loss_of_two_teachers_is_a_hand_computed_number():
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
