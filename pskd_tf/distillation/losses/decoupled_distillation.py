"""Decoupled knowledge distillation (DKD; Zhao et al., CVPR 2022)."""

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


def decoupled_distillation(
    labels: Any, teacher_logits: Any, student_logits: Any, temperature: float
) -> tuple[Any, Any]:
    """Returns `T^2 TCKD` and `T^2 NCKD`, the two halves of KD.

    TCKD is the KL divergence of (p_y, 1 - p_y), NCKD that of the other classes' distribution
    `p_c / (1 - p_y)`, c != y, both at temperature T. `KD = TCKD + (1 - p_y(teacher)) NCKD`.

    Args:
        labels: `(batch,)` class indices y.
        teacher_logits: `(batch, teachers, classes)`.
        student_logits: `(batch, classes)`.
        temperature: T, above 0.

    Returns:
        Two tensors `(batch, teachers)`, in nats. Source: Zhao et al. 2022.
    """
    classes = student_logits.shape[-1]
    labels = ops.cast(labels, "int32")
    is_label = ops.one_hot(labels, classes, dtype="bool")[:, None, :]

    def logarithms(logits: Any) -> tuple[Any, Any, Any]:
        """Logarithms of p_y, of 1 - p_y, and of the distribution of the other classes."""
        every = ops.log_softmax(logits / temperature, axis=-1)
        label = ops.sum(ops.where(is_label, every, 0.0), axis=-1)
        others = ops.where(is_label, -1e9, every)
        rest = ops.logsumexp(others, axis=-1)
        return label, rest, ops.where(is_label, 0.0, others - rest[..., None])

    label_t, rest_t, others_t = logarithms(teacher_logits)
    label_s, rest_s, others_s = logarithms(student_logits[:, None, :])
    target = ops.exp(label_t) * (label_t - label_s) + ops.exp(rest_t) * (rest_t - rest_s)
    # The label's entry is 0 - 0 in both, so it adds nothing.
    non_target = ops.sum(ops.exp(others_t) * (others_t - others_s), axis=-1)
    return temperature**2 * target, temperature**2 * non_target


@keras.saving.register_keras_serializable(package="pskd_tf")
class DecoupledDistillation(DistillationLoss):
    """`CE + mean_k (a TCKD_k + b NCKD_k)` with the halves of `decoupled_distillation`, each T^2.

    The mean is over the teachers available to a sample. The published code raises the term
    linearly over the first 20 epochs; there is no such warm-up here.

    Args:
        temperature: T, above 0.
        target_weight: a.
        non_target_weight: b.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        target_weight: float = 1.0,
        non_target_weight: float = 8.0,
        label_smoothing: float = 0.0,
        name: str = "decoupled_distillation",
    ):
        super().__init__(name=name)
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        self.temperature = temperature
        self.target_weight = target_weight
        self.non_target_weight = non_target_weight
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        labels, logits = targets["labels"], outputs["logits"]
        truth = cross_entropy(labels, logits, self.label_smoothing)
        target, non_target = decoupled_distillation(
            labels, targets["teacher_logits"], logits, self.temperature
        )
        shares = normalized_shares(teacher_availability_of(targets))
        each = self.target_weight * target + self.non_target_weight * non_target
        distilled = ops.sum(shares * each, axis=1)
        parts = {"cross_entropy": truth, "distillation": distilled}
        return DistillationTerms(truth + distilled, parts, selection_of(shares))

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "target_weight": self.target_weight,
            "non_target_weight": self.non_target_weight,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
