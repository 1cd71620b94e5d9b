"""Confidence-aware multi-teacher distillation (CA-MKD; Zhang, Chen, Wang, ICASSP 2022)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.knowledge_distillation import knowledge_distillation
from pskd_tf.distillation.losses.semantic_distances import semantic_distances
from pskd_tf.distillation.losses.target_shares import (
    complement_shares,
    selection_of,
    teacher_availability_of,
)


def confidence_weights(labels: Any, teacher_logits: Any, available: Any) -> Any:
    """Returns `w_k = (1 - softmax_k(CE(z_k, y))) / (n - 1)` over a sample's n available teachers.

    Args:
        labels: `(batch,)` class indices.
        teacher_logits: `(batch, teachers, classes)`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.

    Returns:
        `(batch, teachers)`, rows summing to 1 (0 where nobody is available). One available
        teacher, for which the formula is undefined, is followed in full (ours).
        Source: Zhang, Chen, Wang 2022.
    """
    mistakes = cross_entropy(labels[:, None], teacher_logits)
    mistakes = ops.where(available > 0, mistakes, ops.full_like(mistakes, -1e9))
    return complement_shares(ops.softmax(mistakes, axis=1), available)


@keras.saving.register_keras_serializable(package="pskd_tf")
class ConfidenceAwareDistillation(DistillationLoss):
    """`CE + a sum_k w_k T^2 KL_k + b sum_k w_k MSE(projection_k(f_s), f_k)`.

    Two differences from the published code. It divides both sums by K once more; divide a and b by
    K for its scale. And it weights the features by how well teacher k's own classifier does on the
    projected student; a loss sees no classifier, so the same w_k weight both terms here.

    Args:
        temperature: T, above 0.
        distillation_weight: a.
        semantic_weight: b; 0 leaves the embeddings out.
        label_smoothing: Smoothing of the student's cross-entropy, 0 to 1; not of the weights'.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_weight: float = 1.0,
        semantic_weight: float = 50.0,
        label_smoothing: float = 0.0,
        name: str = "confidence_aware_distillation",
    ):
        super().__init__(name=name)
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.semantic_weight = semantic_weight
        self.label_smoothing = label_smoothing

    @property
    def uses_embeddings(self) -> bool:
        return self.semantic_weight > 0

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        labels, teachers = targets["labels"], targets["teacher_logits"]
        weights = confidence_weights(labels, teachers, teacher_availability_of(targets))
        divergence = knowledge_distillation(
            teachers, outputs["logits"][:, None, :], self.temperature
        )
        parts = {
            "cross_entropy": cross_entropy(labels, outputs["logits"], self.label_smoothing),
            "distillation": self.distillation_weight * ops.sum(weights * divergence, axis=1),
        }
        if self.uses_embeddings:
            distances = semantic_distances(targets, outputs)
            parts["semantic"] = self.semantic_weight * ops.sum(weights * distances, axis=1)
        return DistillationTerms(sum(parts.values()), parts, selection_of(weights))

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "distillation_weight": self.distillation_weight,
            "semantic_weight": self.semantic_weight,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
