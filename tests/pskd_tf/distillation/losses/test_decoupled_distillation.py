"""DKD: KD in two halves."""

import numpy as np
import pytest

from pskd_tf.distillation.losses.logits import (
    DecoupledDistillation,
    decoupled_distillation,
    knowledge_distillation,
)

TEACHER = np.log(np.float32([[[0.5, 0.25, 0.25]]]))
STUDENT = np.log(np.float32([[0.5, 0.4, 0.1]]))


def test_hand_computed_numbers():
    # Label 0: (0.5, 0.5) against itself: 0. Others (0.5, 0.5) against (0.8, 0.2):
    # 0.5 log(0.5 / 0.8) + 0.5 log(0.5 / 0.2) = -0.235002 + 0.458145 = 0.223144
    target, non_target = decoupled_distillation(np.int32([0]), TEACHER, STUDENT, 1.0)
    assert float(target[0, 0]) == pytest.approx(0.0, abs=1e-6)
    assert float(non_target[0, 0]) == pytest.approx(0.223144, abs=1e-5)
    # Label 1: 0.25 log(0.25 / 0.4) + 0.75 log(0.75 / 0.6) = 0.049857. Others (2/3, 1/3) against
    # (5/6, 1/6): 2/3 log 0.8 + 1/3 log 2 = 0.082287.
    # -log 0.4 + 0.049857 + 8 * 0.082287 = 0.916291 + 0.708153 = 1.624444
    targets = {"labels": np.int32([1]), "teacher_logits": TEACHER}
    terms = DecoupledDistillation(1.0).terms(targets, {"logits": STUDENT})
    assert float(terms.loss[0]) == pytest.approx(1.624444, abs=1e-5)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_halves_add_up_to_distillation(make_batch, temperature):
    """KD = TCKD + (1 - p_y) NCKD, p_y the teacher's."""
    targets, outputs = make_batch(teachers=3)
    labels, teachers = targets["labels"], targets["teacher_logits"]
    target, non_target = decoupled_distillation(labels, teachers, outputs["logits"], temperature)
    soft = np.exp(teachers / temperature)
    truth = (soft / soft.sum(axis=2, keepdims=True))[np.arange(8), :, labels]
    expected = knowledge_distillation(teachers, outputs["logits"][:, None], temperature)
    np.testing.assert_allclose(target + (1 - truth) * non_target, expected, rtol=1e-4, atol=1e-5)


def test_with_two_classes_nothing_is_left_beside_the_target(make_batch):
    targets, outputs = make_batch(teachers=2, classes=2)
    teachers, logits = targets["teacher_logits"], outputs["logits"]
    target, non_target = decoupled_distillation(targets["labels"], teachers, logits, 2.0)
    np.testing.assert_allclose(non_target, 0.0, atol=1e-6)
    expected = knowledge_distillation(teachers, logits[:, None], 2.0)
    np.testing.assert_allclose(target, expected, rtol=1e-4, atol=1e-6)


def test_the_non_target_half_ignores_the_label_s_own_logit(make_batch):
    targets, outputs = make_batch(teachers=2)
    labels, logits = targets["labels"], outputs["logits"]
    raised = logits + 3 * np.eye(5, dtype=np.float32)[labels]
    before = decoupled_distillation(labels, targets["teacher_logits"], logits, 4.0)
    after = decoupled_distillation(labels, targets["teacher_logits"], raised, 4.0)
    np.testing.assert_allclose(after[1], before[1], rtol=1e-4, atol=1e-5)
    assert np.abs(np.asarray(after[0] - before[0])).max() > 1e-2
