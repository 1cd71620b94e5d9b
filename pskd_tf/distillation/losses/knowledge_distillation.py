"""Knowledge distillation of softened outputs (Hinton, Vinyals, Dean 2015)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.target_shares import (
    normalized_shares,
    selection_of,
    teacher_availability_of,
)


def knowledge_distillation(teacher_logits: Any, student_logits: Any, temperature: float) -> Any:
    """Returns `T^2 KL(softmax(z_t / T) || softmax(z_s / T))` per sample.

    Args:
        teacher_logits: `(..., classes)`.
        student_logits: `(..., classes)`, broadcast against the teacher's.
        temperature: T, above 0.

    Returns:
        `(...)`, in nats. Source: Hinton, Vinyals, Dean 2015.
    """
    teacher = ops.log_softmax(teacher_logits / temperature, axis=-1)
    student = ops.log_softmax(student_logits / temperature, axis=-1)
    return temperature**2 * ops.sum(ops.exp(teacher) * (teacher - student), axis=-1)


@keras.saving.register_keras_serializable(package="pskd_tf")
class KnowledgeDistillation(DistillationLoss):
    """`CE + lambda mean_k T^2 KL_k`: with one teacher KD, with several the mean of teachers.

    The mean is over the teachers that are available for a sample.

    Args:
        temperature: T, above 0.
        distillation_weight: lambda, the weight of the distillation term.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_weight: float = 1.0,
        label_smoothing: float = 0.0,
        name: str = "knowledge_distillation",
    ):
        super().__init__(name=name)
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.label_smoothing = label_smoothing

    def shares(self, targets: dict[str, Any]) -> Any:
        """Returns `(batch, teachers)`, how much each teacher counts; rows sum to 1, or to 0."""
        return normalized_shares(teacher_availability_of(targets))

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        divergence = knowledge_distillation(
            targets["teacher_logits"], outputs["logits"][:, None, :], self.temperature
        )
        shares = self.shares(targets)
        distilled = self.distillation_weight * ops.sum(shares * divergence, axis=1)
        parts = {"cross_entropy": truth, "distillation": distilled}
        return DistillationTerms(truth + distilled, parts, selection_of(shares))

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "distillation_weight": self.distillation_weight,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
