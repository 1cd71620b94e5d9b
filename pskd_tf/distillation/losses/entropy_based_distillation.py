"""Entropy-based knowledge distillation of several teachers (EBKD; Kwon et al., ICASSP 2020)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.knowledge_distillation import knowledge_distillation
from pskd_tf.distillation.losses.target_shares import (
    complement_shares,
    selection_of,
    teacher_availability_of,
)


def entropy_weights(teacher_logits: Any, available: Any) -> Any:
    """Returns `w_k = (1 - H_k / sum_j H_j) / (n - 1)`, H the entropy of softmax(z_k) at T = 1.

    The published comparisons weight by `(1 - H_k / sum_j H_j) / K`; ours divides by n - 1 instead,
    n the teachers available, so that the weights sum to 1 and lambda means what it means in KD.

    Args:
        teacher_logits: `(batch, teachers, classes)`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.

    Returns:
        `(batch, teachers)`, rows summing to 1 (0 where nobody is available). Where all are
        certain, H = 0, they share equally.
    """
    log_probability = ops.log_softmax(teacher_logits, axis=-1)
    entropy = -ops.sum(ops.exp(log_probability) * log_probability, axis=-1) * available
    total = ops.sum(entropy, axis=1, keepdims=True)
    return complement_shares(entropy / ops.maximum(total, 1e-12), available)


@keras.saving.register_keras_serializable(package="pskd_tf")
class EntropyBasedDistillation(DistillationLoss):
    """`CE + lambda sum_k w_k T^2 KL_k` with the weights of `entropy_weights`.

    Args:
        temperature: T of the divergence, above 0.
        distillation_weight: lambda.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_weight: float = 1.0,
        label_smoothing: float = 0.0,
        name: str = "entropy_based_distillation",
    ):
        super().__init__(name=name)
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        teachers = targets["teacher_logits"]
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        divergence = knowledge_distillation(
            teachers, outputs["logits"][:, None, :], self.temperature
        )
        weights = entropy_weights(teachers, teacher_availability_of(targets))
        distilled = self.distillation_weight * ops.sum(weights * divergence, axis=1)
        parts = {"cross_entropy": truth, "distillation": distilled}
        return DistillationTerms(truth + distilled, parts, selection_of(weights))

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "distillation_weight": self.distillation_weight,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
