"""Losses for a chain of teachers: each trained net becomes a teacher of the next.

Teacher-assistant distillation (TAKD, Mirzadeh et al. 2020) follows one teacher of the chain,
densely guided distillation (DGKD, Son et al. 2021) all teachers before the student.
"""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationLoss,
    DistillationTerms,
    check_temperature,
    cross_entropy,
    normalized_shares,
    seen_targets,
    selection_of,
    teacher_availability_of,
)
from pskd_tf.distillation.losses.logits import knowledge_distillation

POSITIONS = ("first", "last")


def one_teacher(available: Any, teacher: str) -> Any:
    """Returns `available` `(batch, teachers)` with every teacher but one set to 0.

    Args:
        available: `(batch, teachers)`, 1 or 0.
        teacher: `first` or `last` in the order of the teachers.
    """
    others = ops.zeros_like(available[:, 1:])
    if teacher == "first":
        return ops.concatenate([available[:, :1], others], axis=1)
    return ops.concatenate([others, available[:, -1:]], axis=1)


@keras.saving.register_keras_serializable(package="pskd_tf")
class TeacherAssistantDistillation(DistillationLoss):
    """`(1 - l) CE + l T^2 KL` from one teacher only; the same for every link of the chain.

    TAKD trains each net of the chain with this loss: the assistant from the teacher, the student
    from the assistant. Each follows the net just before it, the `last` of its teachers. Where that
    teacher is not available for the sample, the loss is cross-entropy. Source: Mirzadeh et al.
    2020, who search l in 0.05..1 and T in 1..20. From one multimodal teacher XTinyHAR (2025) takes
    it with l = .7 and T = 3, AudioIMU (2022) with l = .9 and T = 4.

    Args:
        temperature: T, above 0.
        distillation_share: l, 0 to 1.
        teacher: `last` or `first` of the teachers.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_share: float = 0.5,
        teacher: str = "last",
        label_smoothing: float = 0.0,
        name: str = "teacher_assistant_distillation",
    ):
        super().__init__(name=name)
        check_temperature(temperature)
        if not 0 <= distillation_share <= 1:
            raise ValueError(f"distillation_share must lie in 0..1. Received: {distillation_share}")
        if teacher not in POSITIONS:
            raise ValueError(f"teacher must be one of {POSITIONS}. Received: {teacher}")
        self.temperature = temperature
        self.distillation_share = distillation_share
        self.teacher = teacher
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        divergence = knowledge_distillation(
            targets["teacher_logits"], outputs["logits"][:, None, :], self.temperature
        )
        followed = one_teacher(teacher_availability_of(targets), self.teacher)
        shares = self.distillation_share * followed
        selection = selection_of(shares)
        parts = {
            "cross_entropy": selection[:, -1] * truth,
            "distillation": ops.sum(shares * divergence, axis=1),
        }
        return DistillationTerms(sum(parts.values()), parts, selection)


def densely_guided_divergence(
    teacher_logits: Any, student_logits: Any, available: Any, temperature: float
) -> Any:
    """Returns `sum_k T^2 KL_k` over the teachers that are available to each sample.

    Args:
        teacher_logits: `(batch, teachers, classes)`.
        student_logits: `(batch, classes)`.
        available: `(batch, teachers)`, 1 where a teacher is kept and available, else 0.
        temperature: T, above 0.

    Returns:
        `(batch,)`, in nats. Source: Son et al. 2021: a sum, not a mean.
    """
    divergence = knowledge_distillation(teacher_logits, student_logits[:, None, :], temperature)
    return ops.sum(available * divergence, axis=1)


@keras.saving.register_keras_serializable(package="pskd_tf")
class DenselyGuidedDistillation(DistillationLoss):
    """`(1 - l) CE + l sum_(k kept) T^2 KL_k`; cross-entropy where no teacher is kept.

    The loss draws nothing. The batches draw one teacher for each training batch (by seed, stage,
    epoch and step), so that a resumed run drops the same ones, and set its `<name>_available`
    column to 0 for all samples of the batch. The distiller passes the columns on as
    `targets["teacher_available"]`. A teacher is dropped for a whole batch because mixup rolls the
    column along the batch. Without such columns no teacher is dropped. The published runs use
    T = 5, l = 1 and drop one teacher; their code also divides the divergence by the number of
    classes, which this loss does not.

    Args:
        temperature: T, above 0.
        distillation_share: l, 0 to 1.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 5.0,
        distillation_share: float = 1.0,
        label_smoothing: float = 0.0,
        name: str = "densely_guided_distillation",
    ):
        super().__init__(name=name)
        check_temperature(temperature)
        if not 0 <= distillation_share <= 1:
            raise ValueError(f"distillation_share must lie in 0..1. Received: {distillation_share}")
        self.temperature = temperature
        self.distillation_share = distillation_share
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        available = teacher_availability_of(targets)
        divergence = densely_guided_divergence(
            targets["teacher_logits"], outputs["logits"], available, self.temperature
        )
        selection = selection_of(self.distillation_share * normalized_shares(available))
        parts = {
            "cross_entropy": selection[:, -1] * truth,
            "distillation": self.distillation_share * divergence,
        }
        return DistillationTerms(sum(parts.values()), parts, selection)
