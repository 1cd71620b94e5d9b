"""Losses with two teachers of different representations: TDA_KD and TGD (Jeon et al.).

Both come from topological distillation for wearable sensors: one teacher reads the time series, the
other an image computed from it, and the student reads the time series. Here the second
representation is the skeleton (ours).
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
from pskd_tf.distillation.losses.logits import knowledge_distillation


def first_teacher_shares(available: Any, first_share: float) -> Any:
    """Returns `a` for the first teacher and `(1 - a) / (K - 1)` for each of the others.

    Args:
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.
        first_share: a, 0 to 1.

    Returns:
        `(batch, teachers)`, rows summing to 1; where a teacher is not available the others share
        its part in proportion (ours), and rows without any are 0.
    """
    first = first_share * available[:, :1]
    others = (1.0 - first_share) / (available.shape[1] - 1) * available[:, 1:]
    return normalized_shares(ops.concatenate([first, others], axis=1))


def over_own_deviation(logits: Any) -> Any:
    """Returns logits divided by their sample standard deviation over the classes.

    Args:
        logits: `(..., classes)`; equal logits are left as they are.
    """
    classes = logits.shape[-1]
    centred = logits - ops.mean(logits, axis=-1, keepdims=True)
    variance = ops.sum(ops.square(centred), axis=-1, keepdims=True) / (classes - 1)
    # The root is never taken near 0, where its gradient is infinite.
    return logits / ops.sqrt(ops.where(variance > 1e-12, variance, ops.ones_like(variance)))


class _TwoTeachers(DistillationLoss):
    """`(1 - l) CE + (l T^2 / classes) sum_k w_k KL_k`, w of `first_teacher_shares`."""

    least_teachers = 2

    def __init__(
        self,
        temperature: float,
        distillation_share: float,
        first_share: float,
        label_smoothing: float,
        name: str,
    ):
        super().__init__(name=name)
        check_temperature(temperature)
        for key, share in {
            "distillation_share": distillation_share,
            "first_share": first_share,
        }.items():
            if not 0 <= share <= 1:
                raise ValueError(f"{key} must lie in 0..1. Received: {share}")
        self.temperature = temperature
        self.distillation_share = distillation_share
        self.first_share = first_share
        self.label_smoothing = label_smoothing

    def scaled(self, logits: Any) -> Any:
        """Returns the logits `(..., classes)` of which the loss takes the softmax."""
        return logits

    def divergence(self, teacher_logits: Any, student_logits: Any) -> Any:
        """Returns `T^2 KL_k / classes` of scaled logits, as `knowledge_distillation` does."""
        divergence = knowledge_distillation(teacher_logits, student_logits, self.temperature)
        return divergence / student_logits.shape[-1]

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        logits = self.scaled(outputs["logits"])
        truth = cross_entropy(targets["labels"], logits, self.label_smoothing)
        divergence = self.divergence(self.scaled(targets["teacher_logits"]), logits[:, None, :])
        weights = first_teacher_shares(teacher_availability_of(targets), self.first_share)
        shares = self.distillation_share * weights
        selection = selection_of(shares)
        parts = {
            "cross_entropy": selection[:, -1] * truth,
            "distillation": ops.sum(shares * divergence, axis=1),
        }
        return DistillationTerms(sum(parts.values()), parts, selection)


@keras.saving.register_keras_serializable(package="pskd_tf")
class TopologicalDistillation(_TwoTeachers):
    """TDA_KD: `(1 - l) CE + (l T^2 / C) (a KL_1 + (1 - a) KL_2)` of logits over their deviation.

    With `u = z / s(z)`, s the sample standard deviation over the C classes of one sample: CE is
    that of softmax(u_s), and `KL_k = KL(softmax(g u_k) || softmax(g u_s))`. So g alone softens or
    sharpens, and T is no more than a weight. With several teachers the others share `1 - a`
    equally; where no teacher is available the loss is CE (both ours).

    Source: Jeon et al., Asilomar 2022, as the released code computes it: l = .99, T = 4, g = 2,
    a = .7 for the teacher of the topological image and .3 for that of the time series, and a mean
    over the classes. Here the skeleton is in the image's place (ours).

    Args:
        temperature: T, above 0.
        distillation_share: l, 0 to 1.
        first_share: a, 0 to 1.
        sharpness: g, above 0.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_share: float = 0.99,
        first_share: float = 0.7,
        sharpness: float = 2.0,
        label_smoothing: float = 0.0,
        name: str = "topological_distillation",
    ):
        super().__init__(temperature, distillation_share, first_share, label_smoothing, name)
        if sharpness <= 0:
            raise ValueError(f"sharpness must be positive. Received: {sharpness}")
        self.sharpness = sharpness

    def scaled(self, logits: Any) -> Any:
        return over_own_deviation(logits)

    def divergence(self, teacher_logits: Any, student_logits: Any) -> Any:
        sharp = knowledge_distillation(teacher_logits, student_logits, 1.0 / self.sharpness)
        weight = (self.temperature * self.sharpness) ** 2
        return weight * sharp / student_logits.shape[-1]


def guiding_map_distance(
    teacher_embeddings: list[Any], student_embedding: Any, shares: Any, seen: Any
) -> Any:
    """Returns the squared difference of the student's similarity map and the teachers' mixed one.

    `mean_j (R(f_s f_s^T) - R(sum_k w_k f_k f_k^T))_ij^2` for each sample i, R scaling each row to
    length 1; its mean over i is the published mean squared error of the two maps.

    Args:
        teacher_embeddings: One `(batch, width)` for each teacher; widths may differ.
        student_embedding: `(batch, other width)`.
        shares: `(batch, teachers)`, w of each sample; a pair has the product of their roots.
        seen: `(batch,)`, 1, or 0 for a sample that no teacher sees: it enters no pair (ours).

    Returns:
        `(batch,)`. Source: TGD (Jeon et al. 2024), of Tung and Mori's (2019) maps.
    """
    pairs = seen[:, None] * seen[None, :]

    def gram(embedding: Any) -> Any:
        return ops.matmul(embedding, ops.transpose(embedding))

    guide = sum(
        gram(ops.sqrt(shares[:, place, None]) * embedding)
        for place, embedding in enumerate(teacher_embeddings)
    )
    maps = [ops.normalize(pairs * one, axis=-1) for one in (gram(student_embedding), guide)]
    squares = ops.sum(ops.square(maps[0] - maps[1]), axis=1)
    return squares / ops.maximum(ops.sum(seen), 1.0)


@keras.saving.register_keras_serializable(package="pskd_tf")
class TopologicalGuidance(_TwoTeachers):
    """TGD: `(1 - l) CE + (l T^2 / C) (a KL_1 + (1 - a) KL_2) + b map distance`.

    KL_k is `KL(softmax(z_k / T) || softmax(z_s / T))`, C the number of classes; the distance of
    the similarity maps is `guiding_map_distance`, with the same a. With several teachers the others
    share `1 - a` equally; where no teacher is available the loss is CE (both ours). The term of
    the maps relates the samples of one batch, so it depends on its members.

    Source: Jeon et al. 2024 (topological guidance), as the released code computes it: l = .9,
    T = 4, b = 1000, a the share of the teacher that reads what the student reads. Its maps are of
    three hidden layers each; here they are of the embedding alone, and the other teacher reads the
    skeleton (both ours).

    Args:
        temperature: T, above 0.
        distillation_share: l, 0 to 1.
        first_share: a, 0 to 1.
        similarity_weight: b.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 4.0,
        distillation_share: float = 0.9,
        first_share: float = 0.7,
        similarity_weight: float = 1000.0,
        label_smoothing: float = 0.0,
        name: str = "topological_guidance",
    ):
        super().__init__(temperature, distillation_share, first_share, label_smoothing, name)
        self.similarity_weight = similarity_weight

    @property
    def uses_embeddings(self) -> bool:
        return True

    @property
    def uses_projections(self) -> bool:
        return False  # relations between samples have no width

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        loss, parts, selection = super().terms(targets, outputs)
        targets = seen_targets(targets)
        available = teacher_availability_of(targets)
        distance = guiding_map_distance(
            targets["teacher_embeddings"],
            outputs["embedding"],
            first_teacher_shares(available, self.first_share),
            ops.max(available, axis=1),
        )
        parts["semantic"] = self.similarity_weight * distance
        return DistillationTerms(loss + parts["semantic"], parts, selection)
