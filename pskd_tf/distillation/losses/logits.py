"""Distillation losses that compare the student's logits with each teacher's.

Knowledge distillation (KD, Hinton et al. 2015), decoupled KD (DKD, Zhao et al. 2022) and
distillation from a stronger teacher (DIST, Huang et al. 2022). With several teachers each loss is
the mean over the teachers that are available for a sample.
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

    The mean is over the teachers that are available for a sample. Its gradient is that of
    `T^2 KL(mean_k softmax(z_k / T) || softmax(z_s / T))`, so LHAR (2023), which follows the mean
    softmax of accelerometer nets, is this loss with several such teachers. TSAK (2024), whose
    student follows a classifier in which the representations of several teachers merge, is this
    loss with such a teacher; ours is the net that reads skeleton and accelerometer. Of both the
    abstract alone is public to us: lambda and T are ours.

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
        check_temperature(temperature)
        self.temperature = temperature
        self.distillation_weight = distillation_weight
        self.label_smoothing = label_smoothing

    @property
    def learns_without_labels(self) -> bool:
        return True

    def shares(self, targets: dict[str, Any], outputs: dict[str, Any]) -> Any:
        """Returns the weights of the teachers, `(batch, teachers)`; rows sum to 1, or to 0.

        Args:
            targets: As `DistillationLoss.terms` takes them.
            outputs: As `DistillationLoss.terms` takes them.
        """
        return normalized_shares(teacher_availability_of(targets))

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        divergence = knowledge_distillation(
            targets["teacher_logits"], outputs["logits"][:, None, :], self.temperature
        )
        shares = self.shares(targets, outputs)
        distilled = self.distillation_weight * ops.sum(shares * divergence, axis=1)
        parts = {"cross_entropy": truth, "distillation": distilled}
        return DistillationTerms(truth + distilled, parts, selection_of(shares))


def decoupled_distillation(
    labels: Any, teacher_logits: Any, student_logits: Any, temperature: float
) -> tuple[Any, Any]:
    """Returns `T^2 TCKD` and `T^2 NCKD`, the target-class and the non-target-class part of KD.

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
        """Returns the logarithms of p_y, of 1 - p_y and of the other classes' distribution."""
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
    """`CE + mean_k T^2 (a TCKD_k + b NCKD_k)` with the parts of `decoupled_distillation`.

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
        check_temperature(temperature)
        self.temperature = temperature
        self.target_weight = target_weight
        self.non_target_weight = non_target_weight
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
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


def pearson(first: Any, second: Any, weights: Any, axis: int) -> Any:
    """Returns Pearson's correlation along one axis, weighted.

    Args:
        first: Any shape.
        second: The same shape.
        weights: Broadcasts against both; not negative. 0 leaves an entry out.
        axis: The axis along which to correlate; the result lacks it.

    Returns:
        -1 to 1, and 0 where either has no variance. A shift of either argument or a positive
        scaling changes nothing (above a total variation of about 1e-8).
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
    members of the batch. RRKD (Wang et al. 2025, from one inertial net to another) is this loss
    with T = 2, b = 2 and g = 4, as its released code computes it.

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
        check_temperature(temperature)
        self.temperature = temperature
        self.inter_class_weight = inter_class_weight
        self.intra_class_weight = intra_class_weight
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
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
