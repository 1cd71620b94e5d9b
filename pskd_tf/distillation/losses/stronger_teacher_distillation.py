"""Knowledge distillation from a stronger teacher (DIST; Huang et al., NeurIPS 2022)."""

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


def pearson(first: Any, second: Any, weights: Any, axis: int) -> Any:
    """Returns Pearson's correlation along one axis, weighted.

    Args:
        first: Any shape.
        second: The same shape.
        weights: Broadcasts against both; not negative. 0 leaves an entry out.
        axis: What is correlated and reduced.

    Returns:
        -1 to 1, and 0 where either has no variance; it ignores a shift of either argument and a
        positive scaling (above about 1e-8 of total variation).
    """
    weights = weights * ops.ones_like(first)
    total = ops.sum(weights, axis=axis, keepdims=True)
    total = ops.where(total > 0, total, ops.ones_like(total))

    def centred(values: Any) -> Any:
        return values - ops.sum(weights * values, axis=axis, keepdims=True) / total

    first, second = centred(first), centred(second)
    covariance = ops.sum(weights * first * second, axis=axis)
    variances = ops.sum(weights * ops.square(first), axis=axis) * ops.sum(
        weights * ops.square(second), axis=axis
    )
    # Within the root, since its gradient at 0 is infinite.
    return covariance / ops.sqrt(variances + 1e-16)


def stronger_teacher_distillation(
    teacher_logits: Any, student_logits: Any, available: Any, temperature: float
) -> tuple[Any, Any]:
    """Returns DIST's two terms, `T^2 (1 - Pearson)` over the classes and over the batch.

    With p = softmax(z / T): *inter-class*, the correlation over the classes of p(z_s) and p(z_k)
    for each sample; *intra-class*, the correlation over the batch for each class, averaged over
    the classes (one number per teacher, the same for every sample). A row or column without
    variance correlates 0.

    Args:
        teacher_logits: `(batch, teachers, classes)`.
        student_logits: `(batch, classes)`.
        available: `(batch, teachers)`; the batch of a teacher is the samples that it sees (ours).
        temperature: T, above 0.

    Returns:
        `(batch, teachers)` and `(1, teachers)`. Source: Huang et al. 2022.
    """
    teacher = ops.softmax(teacher_logits / temperature, axis=-1)
    student = ops.softmax(student_logits / temperature, axis=-1)[:, None, :]
    student = student * ops.ones_like(teacher)
    inter = 1.0 - pearson(teacher, student, ops.ones_like(teacher), axis=-1)
    intra = 1.0 - ops.mean(pearson(teacher, student, available[..., None], axis=0), axis=-1)
    return temperature**2 * inter, temperature**2 * intra[None, :]


@keras.saving.register_keras_serializable(package="pskd_tf")
class StrongerTeacherDistillation(DistillationLoss):
    """`CE + mean_k (b inter_k + g intra_k)` with the terms of `stronger_teacher_distillation`.

    The mean is over the teachers available to a sample. The intra-class term depends on the
    members of the batch.

    Args:
        temperature: T, above 0.
        inter_class_weight: b.
        intra_class_weight: g.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 1.0,
        inter_class_weight: float = 1.0,
        intra_class_weight: float = 1.0,
        label_smoothing: float = 0.0,
        name: str = "stronger_teacher_distillation",
    ):
        super().__init__(name=name)
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: {temperature}")
        self.temperature = temperature
        self.inter_class_weight = inter_class_weight
        self.intra_class_weight = intra_class_weight
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        available = teacher_availability_of(targets)
        inter, intra = stronger_teacher_distillation(
            targets["teacher_logits"], outputs["logits"], available, self.temperature
        )
        shares = normalized_shares(available)
        each = self.inter_class_weight * inter + self.intra_class_weight * intra
        distilled = ops.sum(shares * each, axis=1)
        parts = {"cross_entropy": truth, "distillation": distilled}
        return DistillationTerms(truth + distilled, parts, selection_of(shares))

    def get_config(self) -> dict[str, Any]:
        return {
            "temperature": self.temperature,
            "inter_class_weight": self.inter_class_weight,
            "intra_class_weight": self.intra_class_weight,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
