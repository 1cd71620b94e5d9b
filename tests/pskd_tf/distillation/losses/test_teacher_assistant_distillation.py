"""TAKD: one link of the chain."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.base import cross_entropy
from pskd_tf.distillation.losses.logits import TeacherAssistantDistillation, knowledge_distillation


def test_a_hand_computed_number():
    # At T = 2 the last teacher is (3/4, 1/4), T^2 KL = 0.523248; l = 0.25:
    # 0.75 * 0.693147 + 0.25 * 0.523248 = 0.650672
    teachers = 2 * np.log(np.float32([[[1, 7], [3, 1]]]))
    targets = {"labels": np.int32([0]), "teacher_logits": teachers}
    outputs = {"logits": np.zeros((1, 2), np.float32)}
    terms = TeacherAssistantDistillation(2.0, 0.25).terms(targets, outputs)
    assert float(terms.loss[0]) == pytest.approx(0.650672, abs=1e-5)
    np.testing.assert_allclose(terms.selection, [[0, 0.25, 0.75]], atol=1e-6)


@pytest.mark.parametrize(("teacher", "column"), [("first", 0), ("last", -1)])
def test_shares_of_0_and_1_are_cross_entropy_and_pure_distillation(make_batch, teacher, column):
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
def test_wrong_arguments_are_named(arguments, text):
    with pytest.raises(ValueError) as error:
        TeacherAssistantDistillation(**arguments)
    assert str(error.value) == text
