"""Distillation losses on embeddings, and those that weigh several teachers."""

from typing import Any, NamedTuple

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationLoss,
    DistillationTerms,
    complement_shares,
    cross_entropy,
    normalized_shares,
    selection_of,
    semantic_distances,
    teacher_availability_of,
)
from pskd_tf.distillation.losses.logits import knowledge_distillation


@keras.saving.register_keras_serializable(package="pskd_tf")
class SemanticRegression(DistillationLoss):
    """`CE + mu mean_k d(f_k, projection_k(f_s))` over the teachers available to a sample.

    d is `semantic_distance`. FitNets regress a hidden layer through a learned layer, VSKD the
    first dense layer; both use `mse`. FitNets' separate first stage, hints without labels, is left
    out: both terms are minimised together.

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
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        shares = normalized_shares(teacher_availability_of(targets))
        distances = semantic_distances(targets, outputs, self.semantic_kind)
        semantic = self.semantic_weight * ops.sum(shares * distances, axis=1)
        parts = {"cross_entropy": truth, "semantic": semantic}
        return DistillationTerms(truth + semantic, parts, selection_of(shares))

    def get_config(self) -> dict[str, Any]:
        return {
            "semantic_weight": self.semantic_weight,
            "semantic_kind": self.semantic_kind,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }


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


def similarity_preserving(teacher_embedding: Any, student_embedding: Any, seen: Any) -> Any:
    """Returns the squared difference of row-normalised Gram matrices, shared out over the rows.

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

    def get_config(self) -> dict[str, Any]:
        return {
            "similarity_weight": self.similarity_weight,
            "label_smoothing": self.label_smoothing,
            "name": self.name,
        }


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


STEPS = 60


def onto_capped_simplex(point: Any, caps: Any) -> Any:
    """Returns the nearest point with `0 <= w_k <= caps_k` and `sum_k w_k = 1`.

    It is `clip(point - shift, 0, caps)`. The sum falls with the shift and is linear between the
    2 K values at which a component reaches a bound, so the shift is interpolated exactly.

    Args:
        point: `(vectors,)`.
        caps: `(vectors,)`, not negative, of sum at least 1.
    """
    knots = ops.sort(ops.concatenate([point, point - caps]))
    sums = ops.sum(ops.clip(point[None, :] - knots[:, None], 0.0, caps[None, :]), axis=1)
    last = point.shape[0] * 2 - 2
    left = ops.clip(ops.sum(ops.cast(sums >= 1.0, "int32")) - 1, 0, last)
    left_sum, right_sum = ops.take(sums, left), ops.take(sums, left + 1)
    left_knot, right_knot = ops.take(knots, left), ops.take(knots, left + 1)
    fall = left_sum - right_sum
    part = ops.where(fall > 0, (left_sum - 1.0) / ops.where(fall > 0, fall, 1.0), 0.0)
    return ops.clip(point - (left_knot + part * (right_knot - left_knot)), 0.0, caps)


def minimum_norm_weights(vectors: Any, cap: float, usable: Any) -> Any:
    """Returns the weights w that minimise `|sum_k w_k v_k|^2`, 0 <= w_k <= cap, sum 1.

    60 steps of projected gradient descent with Nesterov's momentum, from equal weights, on the
    Gram matrix scaled to trace 1 (so its largest eigenvalue is at most 1, and the step is 1).
    Starting at equal weights keeps the result independent of the vectors' order, and equal
    vectors equally weighted.

    Args:
        vectors: `(vectors, width)`.
        cap: Largest weight; raised to 1 / n where n usable vectors could not sum to 1 otherwise.
        usable: `(vectors,)`, 1, or 0 for a vector that must have weight 0. If none is usable all
            weights are 0.

    Returns:
        `(vectors,)`, without gradient. Source of the problem: Du et al., NeurIPS 2020 (there
        solved as the dual of a one-class SVM); the solver is ours.
    """
    vectors, usable = ops.stop_gradient(vectors), ops.stop_gradient(usable)
    count = ops.maximum(ops.sum(usable), 1.0)
    caps = usable * ops.maximum(cap, 1.0 / count)
    # Scaled first, so that the squares of tiny gradients are not lost to float32.
    vectors = vectors / ops.maximum(ops.max(ops.abs(vectors)), 1e-30)
    gram = ops.matmul(vectors, ops.transpose(vectors))
    gram = gram / ops.maximum(ops.sum(ops.square(vectors)), 1e-30)
    start = usable / count

    def step(index: Any, state: Any) -> Any:
        weights, ahead = state
        moved = onto_capped_simplex(ahead - ops.matmul(gram, ahead[:, None])[:, 0], caps)
        index = ops.cast(index, moved.dtype)
        return moved, moved + index / (index + 3.0) * (moved - weights)

    weights = ops.fori_loop(0, STEPS, step, (start, start))[0]
    return ops.stop_gradient(usable * weights)


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
