"""Losses of a chain of teachers: which teachers they follow, and with which share."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.assistants import (
    DenselyGuidedDistillation,
    TeacherAssistantDistillation,
)
from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import (
    knowledge_distillation,
)
from pskd_tf.distillation.step import distillation_step


def test_teacher_assistant_distillation_follows_the_last_teacher():
    # At T = 2 the last teacher is (3/4, 1/4), T^2 KL = 0.523248; l = 0.25:
    # 0.75 * 0.693147 + 0.25 * 0.523248 = 0.650672
    teachers = 2 * np.log(np.float32([[[1, 7], [3, 1]]]))
    targets = {"labels": np.int32([0]), "teacher_logits": teachers}
    outputs = {"logits": np.zeros((1, 2), np.float32)}
    terms = TeacherAssistantDistillation(2.0, 0.25).terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(0.650672, abs=1e-5)
    np.testing.assert_allclose(terms.selection, [[0, 0.25, 0.75]], atol=1e-6)


@pytest.mark.parametrize(("teacher", "column"), [("first", 0), ("last", -1)])
def test_teacher_assistant_shares_of_0_and_1_are_cross_entropy_and_distillation(
    make_batch, teacher, column
):
    targets, outputs = make_batch(teachers=3)
    nothing = TeacherAssistantDistillation(3.0, 0.0, teacher, 0.1).terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"], 0.1)
    np.testing.assert_allclose(nothing.loss, expected, rtol=1e-6)
    pure = TeacherAssistantDistillation(3.0, 1.0, teacher, 0.1).terms(targets, outputs)
    expected = knowledge_distillation(targets["teacher_logits"][:, column], outputs["logits"], 3.0)
    np.testing.assert_allclose(pure.loss, expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"teacher": "best"}, "teacher must be one of ('first', 'last'). Received: best"),
        ({"distillation_share": -0.1}, "distillation_share must lie in 0..1. Received: -0.1"),
        ({"temperature": 0}, "temperature must be positive. Received: 0"),
    ],
)
def test_wrong_arguments_of_teacher_assistant_distillation_are_named(arguments, text):
    with pytest.raises(ValueError) as error:
        TeacherAssistantDistillation(**arguments)
    assert str(error.value) == text


def test_densely_guided_distillation_sums_the_teachers_that_are_kept():
    # At T = 2 teachers 1 and 2 are (3/4, 1/4): T^2 KL = 0.523248 each; teacher 3 is the student.
    # l = 0.5: 0.5 * 0.693147 + 0.5 (2 * 0.523248 + 0) = 0.869822
    teacher = 2 * np.log(np.float32([3, 1]))
    targets = {
        "labels": np.int32([0]),
        "teacher_logits": np.stack([[teacher, teacher, np.zeros(2, np.float32)]]),
    }
    outputs = {"logits": np.zeros((1, 2), np.float32)}
    loss = DenselyGuidedDistillation(2.0, 0.5)
    terms = loss.terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(0.869822, abs=1e-5)
    np.testing.assert_allclose(terms.selection, [[1 / 6, 1 / 6, 1 / 6, 1 / 2]], atol=1e-6)
    # Without teacher 2: 0.346574 + 0.5 * 0.523248 = 0.608198
    dropped = loss.terms({**targets, "teacher_available": np.float32([[1, 0, 1]])}, outputs)
    assert float(dropped.loss[0]) == pytest.approx(0.608198, abs=1e-5)
    np.testing.assert_allclose(dropped.selection, [[0.25, 0, 0.25, 0.5]], atol=1e-6)


def test_densely_guided_distillation_with_share_1_is_the_sum_of_divergences(make_batch):
    targets, outputs = make_batch(teachers=3)
    terms = DenselyGuidedDistillation().terms(targets, outputs)
    divergence = knowledge_distillation(targets["teacher_logits"], outputs["logits"][:, None], 5.0)
    np.testing.assert_allclose(terms.loss, np.sum(divergence, axis=1), rtol=1e-5)


def test_densely_guided_distillation_with_share_0_is_cross_entropy(make_batch):
    targets, outputs = make_batch()
    terms = DenselyGuidedDistillation(distillation_share=0.0).terms(targets, outputs)
    expected = cross_entropy(targets["labels"], outputs["logits"])
    np.testing.assert_allclose(terms.loss, expected, rtol=1e-6)


def test_a_teacher_dropped_from_a_batch_stays_dropped_under_mixup(make_batch):
    targets, outputs = make_batch(teachers=3)
    targets["teacher_available"] = np.tile(np.float32([1, 0, 1]), (8, 1))
    share = np.random.default_rng(0).uniform(size=8).astype(np.float32)
    terms = distillation_step(DenselyGuidedDistillation(), targets, outputs, share)
    np.testing.assert_array_equal(terms.selection[:, 1], 0.0)


def test_a_share_outside_0_to_1_is_refused():
    with pytest.raises(ValueError) as error:
        DenselyGuidedDistillation(distillation_share=1.5)
    assert str(error.value) == "distillation_share must lie in 0..1. Received: 1.5"
