"""Adaptive ensemble distillation in gradient space (AEKD; Du et al., NeurIPS 2020)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.knowledge_distillation import knowledge_distillation
from pskd_tf.distillation.losses.minimum_norm_weights import minimum_norm_weights
from pskd_tf.distillation.losses.target_shares import (
    normalized_shares,
    selection_of,
    teacher_availability_of,
)


def adaptive_ensemble_weights(
    teacher_logits: Any, student_logits: Any, available: Any, temperature: float, cap: float
) -> Any:
    """Returns one weight per teacher and batch: the shortest mixture of the logit gradients.

    `min_w |sum_k w_k g_k|^2`, 0 <= w_k <= cap, sum 1, where `g_k = T mean_i (p(z_s) - p(z_k))` is
    the gradient of `T^2 KL_k` by the student's logits, averaged over the samples that teacher k
    sees. As in the published code the weights belong to the batch, not to the sample. A sample
    that a teacher does not see follows the others in the same proportions.

    Args:
        teacher_logits: `(batch, teachers, classes)`.
        student_logits: `(batch, classes)`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.
        temperature: T, above 0.
        cap: C, the largest weight of a teacher; raised to 1 / teachers where it is below.

    Returns:
        `(batch, teachers)`, rows summing to 1 (0 where no teacher of positive weight is
        available), without gradient. Source: Du et al. 2020; the handling of teachers that are
        not available is ours.
    """
    student = ops.softmax(student_logits / temperature, axis=-1)[:, None, :]
    pulls = temperature * (student - ops.softmax(teacher_logits / temperature, axis=-1))
    seen = ops.sum(available, axis=0)
    gradients = ops.sum(available[..., None] * pulls, axis=0) / ops.maximum(seen, 1.0)[:, None]
    usable = ops.cast(seen > 0, available.dtype)
    weights = minimum_norm_weights(gradients, cap, usable)
    return ops.stop_gradient(normalized_shares(available * weights[None, :]))


@keras.saving.register_keras_serializable(package="pskd_tf")
class AdaptiveEnsembleDistillation(DistillationLoss):
    """`CE + lambda sum_k w_k T^2 KL_k` with the weights of `adaptive_ensemble_weights`.

    Args:
        temperature: T, above 0.
        distillation_weight: lambda.
        cap: C, the largest weight of a teacher, above 0 and at most 1.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_weight: float = 0.9,
        cap: float = 0.6,
        label_smoothing: float = 0.0,
        name: str = "adaptive_ensemble_distillation",
    ):
        super().__init__(name=name)
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        if not 0 < cap <= 1:
            raise ValueError(f"cap must lie in 0..1, 0 excluded. Received: {cap}")
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.cap = cap
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        teachers, logits = targets["teacher_logits"], outputs["logits"]
        truth = cross_entropy(targets["labels"], logits, self.label_smoothing)
        divergence = knowledge_distillation(teachers, logits[:, None, :], self.temperature)
        available = teacher_availability_of(targets)
        weights = adaptive_ensemble_weights(teachers, logits, available, self.temperature, self.cap)
        distilled = self.distillation_weight * ops.sum(weights * divergence, axis=1)
        parts = {"cross_entropy": truth, "distillation": distilled}
        return DistillationTerms(truth + distilled, parts, selection_of(weights))

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "distillation_weight": self.distillation_weight,
            "cap": self.cap,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
