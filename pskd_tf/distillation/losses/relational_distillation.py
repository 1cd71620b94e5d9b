"""Relational knowledge distillation (RKD; Park, Kim, Lu, Cho, CVPR 2019)."""

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


def smooth_l1(difference: Any) -> Any:
    """Returns `x^2 / 2` where |x| < 1, else `|x| - 1/2`, of any shape."""
    size = ops.abs(difference)
    return ops.where(size < 1.0, 0.5 * ops.square(difference), size - 0.5)


def pair_relations(embedding: Any, seen: Any) -> tuple[Any, Any]:
    """Returns the normalised distances and the angles within a batch.

    Args:
        embedding: `(batch, width)`.
        seen: `(batch,)`, 1, or 0 for samples that are left out of the mean distance.

    Returns:
        `(batch, batch)`, `|x_i - x_j|` over its mean over the distinct pairs that are seen, and
        `(batch, batch, batch)`, the cosine at corner i between the directions to j and k. Pairs
        that coincide have distance and cosine 0, and no gradient.
    """
    difference = embedding[None, :, :] - embedding[:, None, :]
    squared = ops.sum(ops.square(difference), axis=-1)
    distinct = squared > 1e-12
    # The root is never taken at 0, where its gradient is infinite.
    safe = ops.sqrt(ops.where(distinct, squared, ops.ones_like(squared)))
    apart = ops.cast(distinct, safe.dtype)
    distance = apart * safe
    pairs = apart * seen[:, None] * seen[None, :]
    mean = ops.sum(pairs * distance) / ops.maximum(ops.sum(pairs), 1.0)
    direction = difference * (apart / safe)[..., None]
    angles = ops.matmul(direction, ops.transpose(direction, (0, 2, 1)))
    return distance / ops.where(mean > 0, mean, ops.ones_like(mean)), angles


def relational_distillation(
    teacher_embedding: Any, student_embedding: Any, seen: Any
) -> tuple[Any, Any]:
    """Returns RKD's distance and angle terms, shared out over the samples.

    `mean_j smooth_l1(d_ij(f_s) - d_ij(f_t))` and
    `mean_jk smooth_l1(cos_ijk(f_s) - cos_ijk(f_t))`; their means over i are the published losses,
    whose means also run over i = j. Both ignore a shift, a rotation or a scaling of either
    embedding, and the widths may differ, so the student needs no projection.

    Args:
        teacher_embedding: `(batch, width)`.
        student_embedding: `(batch, other width)`.
        seen: `(batch,)`, 1 where the teacher can see the sample; others enter no pair (ours).

    Returns:
        Two tensors `(batch,)`. Source: Park et al. 2019.
    """
    teacher_distance, teacher_angle = pair_relations(teacher_embedding, seen)
    distance, angle = pair_relations(student_embedding, seen)
    count = ops.maximum(ops.sum(seen), 1.0)
    pairs = seen[:, None] * seen[None, :]
    distances = ops.sum(pairs * smooth_l1(distance - teacher_distance), axis=1) / count
    triplets = pairs[:, :, None] * seen[None, None, :]
    angles = ops.sum(triplets * smooth_l1(angle - teacher_angle), axis=(1, 2)) / ops.square(count)
    return distances, angles


@keras.saving.register_keras_serializable(package="pskd_tf")
class RelationalDistillation(DistillationLoss):
    """`CE + mean_k (a distance_k + b angle_k)` with the terms of `relational_distillation`.

    The terms relate the samples of one batch, so they depend on its members.

    Args:
        distance_weight: a.
        angle_weight: b.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        distance_weight: float = 25.0,
        angle_weight: float = 50.0,
        label_smoothing: float = 0.0,
        name: str = "relational_distillation",
    ):
        super().__init__(name=name)
        self.distance_weight = distance_weight
        self.angle_weight = angle_weight
        self.label_smoothing = label_smoothing

    @property
    def uses_projections(self) -> bool:
        return False  # relations between samples have no width

    @property
    def uses_embeddings(self) -> bool:
        return True

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        available = teacher_availability_of(targets)
        shares = normalized_shares(available)
        relations = []
        for column, teacher in enumerate(targets["teacher_embeddings"]):
            distance, angle = relational_distillation(
                teacher, outputs["embedding"], available[:, column]
            )
            relations.append(self.distance_weight * distance + self.angle_weight * angle)
        semantic = ops.sum(shares * ops.stack(relations, axis=1), axis=1)
        parts = {"cross_entropy": truth, "semantic": semantic}
        return DistillationTerms(truth + semantic, parts, selection_of(shares))

    def get_config(self) -> dict[str, Any]:
        return {
            "distance_weight": self.distance_weight,
            "angle_weight": self.angle_weight,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }
