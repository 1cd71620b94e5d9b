"""One link of a teacher-assistant chain (TAKD; Mirzadeh et al., AAAI 2020)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.knowledge_distillation import knowledge_distillation
from pskd_tf.distillation.losses.target_shares import selection_of, teacher_availability_of

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

    TAKD is this loss at each stage: teacher to assistant, assistant to student, each learner
    listening to the net just before it, which is the `last` of its teachers. Where that teacher
    cannot see the sample, cross-entropy in full. Source: Mirzadeh et al. 2020, who search l in
    0.05..1 and T in 1..20.

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
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        if not 0 <= distillation_share <= 1:
            raise ValueError(f"distillation_share must lie in 0..1. Received: {distillation_share}")
        if teacher not in POSITIONS:
            raise ValueError(f"teacher must be one of {POSITIONS}. Received: {teacher}")
        self.temperature = temperature
        self.distillation_share = distillation_share
        self.teacher = teacher
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
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

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "distillation_share": self.distillation_share,
            "teacher": self.teacher,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
