"""Densely guided distillation: every larger net teaches at once (DGKD; Son et al., ICCV 2021)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.knowledge_distillation import knowledge_distillation
from pskd_tf.distillation.losses.target_shares import (
    normalized_shares,
    selection_of,
    teacher_availability_of,
)


def densely_guided_divergence(
    teacher_logits: Any, student_logits: Any, available: Any, temperature: float
) -> Any:
    """Returns `sum_k T^2 KL_k` over the teachers that are available to each sample.

    Args:
        teacher_logits: `(batch, teachers, classes)`.
        student_logits: `(batch, classes)`.
        available: `(batch, teachers)`, 1 where a teacher is kept and sees the sample, else 0.
        temperature: T, above 0.

    Returns:
        `(batch,)`, in nats. Source: Son et al. 2021: a sum, not a mean.
    """
    divergence = knowledge_distillation(teacher_logits, student_logits[:, None, :], temperature)
    return ops.sum(available * divergence, axis=1)


@keras.saving.register_keras_serializable(package="pskd_tf")
class DenselyGuidedDistillation(DistillationLoss):
    """`(1 - l) CE + l sum_(k kept) T^2 KL_k`; cross-entropy in full where no teacher is kept.

    The loss draws nothing: which teacher a batch drops belongs to the data stream, so that a
    resumed run drops the same ones. Whoever makes the batches draws, for each training batch, one
    teacher from the stream's own generator (by seed, stage, epoch and step), and sets its
    `<name>_available` column to 0 for every sample of that batch; the other teachers' columns stay
    as they are. The distiller hands the columns on as `targets["teacher_available"]`. Dropping
    whole batches also survives mixup, which rolls the column along the batch. Without such columns
    nothing is dropped. The published runs use T = 5, l = 1 and drop one; their code also
    divides the divergence by the number of classes, which is not followed here.

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
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        if not 0 <= distillation_share <= 1:
            raise ValueError(f"distillation_share must lie in 0..1. Received: {distillation_share}")
        self.temperature = temperature
        self.distillation_share = distillation_share
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
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

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "distillation_share": self.distillation_share,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
