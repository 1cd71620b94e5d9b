"""Distillation losses on logits."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationLoss,
    DistillationTerms,
    complement_shares,
    cross_entropy,
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


def right_teacher_shares(labels: Any, teacher_logits: Any, available: Any) -> Any:
    """Returns equal shares of the available teachers whose argmax is the label.

    Args:
        labels: `(batch,)` class indices.
        teacher_logits: `(batch, teachers, classes)`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.

    Returns:
        `(batch, teachers)`, rows summing to 1, or to 0 where no teacher is right. Source: ours
        for several teachers; with one teacher it is guided KD's mask.
    """
    guesses = ops.cast(ops.argmax(teacher_logits, axis=-1), "int32")
    right = ops.equal(guesses, ops.cast(labels, "int32")[:, None])
    return normalized_shares(available * ops.cast(right, available.dtype))


@keras.saving.register_keras_serializable(package="pskd_tf")
class GuidedKnowledgeDistillation(KnowledgeDistillation):
    """`CE + lambda mean_(k right) T^2 KL_k`; cross-entropy alone where no teacher is right.

    Args:
        temperature: T, above 0.
        distillation_weight: lambda.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_weight: float = 1.0,
        label_smoothing: float = 0.0,
        name: str = "guided_knowledge_distillation",
    ):
        super().__init__(temperature, distillation_weight, label_smoothing, name)

    def shares(self, targets: dict[str, Any]) -> Any:
        available = teacher_availability_of(targets)
        return right_teacher_shares(targets["labels"], targets["teacher_logits"], available)


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
class EntropyBasedDistillation(KnowledgeDistillation):
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
        super().__init__(temperature, distillation_weight, label_smoothing, name)

    def shares(self, targets: dict[str, Any]) -> Any:
        return entropy_weights(targets["teacher_logits"], teacher_availability_of(targets))


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
