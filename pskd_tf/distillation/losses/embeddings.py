"""Distillation losses that compare the student's embedding with each teacher's.

Semantic regression (FitNets, Romero et al. 2015; VSKD, Ni et al. 2022), relational distillation
(RKD, Park et al. 2019) and similarity-preserving distillation (SP, Tung and Mori 2019). Each is
added to cross-entropy, as the mean over the teachers that are available for a sample.
"""

from typing import Any, NamedTuple

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationLoss,
    DistillationTerms,
    cross_entropy,
    normalized_shares,
    seen_targets,
    selection_of,
    semantic_distances,
    teacher_availability_of,
)


@keras.saving.register_keras_serializable(package="pskd_tf")
class SemanticRegression(DistillationLoss):
    """`CE + mu mean_k d(f_k, projection_k(f_s))` over the teachers available to a sample.

    d is `semantic_distance`. FitNets regress a hidden layer through a learned projection, VSKD
    the first dense layer; both use `mse`. FitNets train first on the embeddings and then on the
    labels; here both terms are minimised together.

    Args:
        semantic_weight: mu.
        semantic_kind: `mse` or `cosine`.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        semantic_weight: float = 1.0,
        semantic_kind: str = "mse",
        label_smoothing: float = 0.0,
        name: str = "semantic_regression",
    ):
        super().__init__(name=name)
        self.semantic_weight = semantic_weight
        self.semantic_kind = semantic_kind
        self.label_smoothing = label_smoothing

    @property
    def uses_embeddings(self) -> bool:
        return True

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        shares = normalized_shares(teacher_availability_of(targets))
        distances = semantic_distances(targets, outputs, self.semantic_kind)
        semantic = self.semantic_weight * ops.sum(shares * distances, axis=1)
        parts = {"cross_entropy": truth, "semantic": semantic}
        return DistillationTerms(truth + semantic, parts, selection_of(shares))


class PairRelations(NamedTuple):
    """Distances and angles between the samples of a batch.

    Attributes:
        distances: `(batch, batch)`, `|x_i - x_j|`.
        apart: `(batch, batch)`, 1 where two samples differ, 0 where they coincide.
        angles: `(batch, batch, batch)`, the cosine at corner i between the directions to j and k.
    """

    distances: Any
    apart: Any
    angles: Any


def smooth_l1(difference: Any) -> Any:
    """Returns `x^2 / 2` where |x| < 1, else `|x| - 1/2`, of any shape."""
    # Without gradient, so that the gradient of the product is `within`, that of smooth L1.
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
    """Returns RKD's distance and angle terms, one of each per sample.

    `mean_j smooth_l1(d_ij(f_s) - d_ij(f_t))` and
    `mean_jk smooth_l1(cos_ijk(f_s) - cos_ijk(f_t))`; their means over i are the published losses,
    whose means also run over i = j. Both ignore a shift, a rotation or a scaling of either
    embedding, and the widths may differ, so the student needs no projection.

    Args:
        teacher_embedding: `(batch, width)`.
        student_embedding: `(batch, other width)`.
        seen: `(batch,)`, 1 where the teacher can see the sample; others enter no pair (ours).
        student_relations: The student's relations if they are computed already.

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
        targets = seen_targets(targets)
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


def similarity_preserving(teacher_embedding: Any, student_embedding: Any, seen: Any) -> Any:
    """Returns the squared difference of row-normalised Gram matrices, row by row.

    `sum_j (G_ij(f_s) - G_ij(f_t))^2 / N` with `G = f f^T`, each row scaled to length 1; its mean
    over i is the published `|G_s - G_t|^2 / N^2`. It ignores a rotation or a scaling of either
    embedding, and the widths may differ.

    Args:
        teacher_embedding: `(batch, width)`.
        student_embedding: `(batch, other width)`.
        seen: `(batch,)`, 1 where the teacher can see the sample; others enter no pair, and N
            counts those seen (ours).

    Returns:
        `(batch,)`. Source: Tung, Mori 2019.
    """
    pairs = seen[:, None] * seen[None, :]

    def gram(embedding: Any) -> Any:
        products = ops.matmul(embedding, ops.transpose(embedding))
        return ops.normalize(pairs * products, axis=-1)

    squares = ops.sum(ops.square(gram(student_embedding) - gram(teacher_embedding)), axis=1)
    return squares / ops.maximum(ops.sum(seen), 1.0)


@keras.saving.register_keras_serializable(package="pskd_tf")
class SimilarityPreservingDistillation(DistillationLoss):
    """`CE + b mean_k SP_k` with the term of `similarity_preserving`, on the embeddings.

    The term relates the samples of one batch, so it depends on its members.

    Args:
        similarity_weight: b.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        similarity_weight: float = 3000.0,
        label_smoothing: float = 0.0,
        name: str = "similarity_preserving_distillation",
    ):
        super().__init__(name=name)
        self.similarity_weight = similarity_weight
        self.label_smoothing = label_smoothing

    @property
    def uses_projections(self) -> bool:
        return False  # relations between samples have no width

    @property
    def uses_embeddings(self) -> bool:
        return True

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        available = teacher_availability_of(targets)
        shares = normalized_shares(available)
        differences = ops.stack(
            [
                similarity_preserving(teacher, outputs["embedding"], available[:, column])
                for column, teacher in enumerate(targets["teacher_embeddings"])
            ],
            axis=1,
        )
        semantic = self.similarity_weight * ops.sum(shares * differences, axis=1)
        parts = {"cross_entropy": truth, "semantic": semantic}
        return DistillationTerms(truth + semantic, parts, selection_of(shares))
