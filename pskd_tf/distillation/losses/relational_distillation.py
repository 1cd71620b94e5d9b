"""Relational knowledge distillation (RKD; Park, Kim, Lu, Cho, CVPR 2019)."""

from typing import Any, NamedTuple

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.target_shares import (
    normalized_shares,
    selection_of,
    teacher_availability_of,
)


class PairRelations(NamedTuple):
    """How the samples of a batch lie to each other.

    Attributes:
        distances: `(batch, batch)`, `|x_i - x_j|`.
        apart: `(batch, batch)`, 1, or 0 for pairs that coincide.
        angles: `(batch, batch, batch)`, the cosine at corner i between the directions to j and k.
    """

    distances: Any
    apart: Any
    angles: Any


def smooth_l1(difference: Any) -> Any:
    """Returns `x^2 / 2` where |x| < 1, else `|x| - 1/2`, of any shape."""
    # Held still: the other factor alone then has the whole gradient, which is `within`.
    within = ops.stop_gradient(ops.clip(difference, -1.0, 1.0))
    return within * (difference - 0.5 * within)


def pair_relations(embedding: Any) -> PairRelations:
    """Returns the distances and the angles within a batch.

    Args:
        embedding: `(batch, width)`.

    Returns:
        The relations; pairs that coincide have distance and cosine 0, and no gradient.
    """
    difference = embedding[None, :, :] - embedding[:, None, :]
    squared = ops.sum(ops.square(difference), axis=-1)
    distinct = squared > 1e-12
    # The root is never taken at 0, where its gradient is infinite.
    safe = ops.sqrt(ops.where(distinct, squared, ops.ones_like(squared)))
    apart = ops.cast(distinct, safe.dtype)
    direction = difference * (apart / safe)[..., None]
    angles = ops.matmul(direction, ops.transpose(direction, (0, 2, 1)))
    return PairRelations(apart * safe, apart, angles)


def normalized_distances(relations: PairRelations, seen: Any) -> Any:
    """Returns the distances over their mean over the distinct pairs that are seen.

    Args:
        relations: The relations of a batch.
        seen: `(batch,)`, 1, or 0 for samples that are left out of the mean.

    Returns:
        `(batch, batch)`.
    """
    pairs = relations.apart * seen[:, None] * seen[None, :]
    mean = ops.sum(pairs * relations.distances) / ops.maximum(ops.sum(pairs), 1.0)
    return relations.distances / ops.where(mean > 0, mean, ops.ones_like(mean))


def relational_distillation(
    teacher_embedding: Any,
    student_embedding: Any,
    seen: Any,
    student_relations: PairRelations | None = None,
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
        student_relations: The student's relations, where they are known already.

    Returns:
        Two tensors `(batch,)`. Source: Park et al. 2019.
    """
    teacher = pair_relations(teacher_embedding)
    relations = student_relations or pair_relations(student_embedding)
    distance = normalized_distances(relations, seen) - normalized_distances(teacher, seen)
    # Sums over the pairs that are seen, as products: a mask of every triplet would cost more.
    column = seen[:, None] / ops.maximum(ops.sum(seen), 1.0)
    distances = seen * ops.matmul(smooth_l1(distance), column)[:, 0]
    corners = ops.matmul(smooth_l1(relations.angles - teacher.angles), column)[:, :, 0]
    return distances, seen * ops.matmul(corners, column)[:, 0]


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

    def prepared(self, outputs: dict[str, Any]) -> dict[str, Any]:
        if "relations" in outputs:
            return outputs
        return {**outputs, "relations": pair_relations(outputs["embedding"])}

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        available = teacher_availability_of(targets)
        shares = normalized_shares(available)
        relations = []
        student = self.prepared(outputs)
        for column, teacher in enumerate(targets["teacher_embeddings"]):
            distance, angle = relational_distillation(
                teacher, student["embedding"], available[:, column], student["relations"]
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
