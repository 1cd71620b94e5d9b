"""Losses that weight the teachers of each sample or batch.

All are `CE + lambda sum_k w_k T^2 KL_k` and differ in the weights w: equal among the teachers that
are right (guided KD), by entropy (EBKD), by the probability of the true class (CA-MKD, Zhang et
al. 2022), or so that the summed gradient is shortest (AEKD, Du et al. 2020).
"""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationTerms,
    complement_shares,
    cross_entropy,
    normalized_shares,
    seen_targets,
    semantic_distances,
    teacher_availability_of,
)
from pskd_tf.distillation.losses.logits import KnowledgeDistillation


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

    @property
    def learns_without_labels(self) -> bool:
        return False  # its weights depend on the label

    def shares(self, targets: dict[str, Any], outputs: dict[str, Any]) -> Any:
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
        `(batch, teachers)`, rows summing to 1 (0 where no teacher is available). Where all
        entropies are 0 the weights are equal.
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

    def shares(self, targets: dict[str, Any], outputs: dict[str, Any]) -> Any:
        return entropy_weights(targets["teacher_logits"], teacher_availability_of(targets))


def confidence_weights(labels: Any, teacher_logits: Any, available: Any) -> Any:
    """Returns `w_k = (1 - softmax_k(CE(z_k, y))) / (n - 1)` over a sample's n available teachers.

    Args:
        labels: `(batch,)` class indices.
        teacher_logits: `(batch, teachers, classes)`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.

    Returns:
        `(batch, teachers)`, rows summing to 1 (0 where no teacher is available). A teacher that
        alone is available, for which the formula is undefined, has weight 1 (ours).
        Source: Zhang, Chen, Wang 2022.
    """
    losses = cross_entropy(labels[:, None], teacher_logits)
    losses = ops.where(available > 0, losses, ops.full_like(losses, -1e9))
    return complement_shares(ops.softmax(losses, axis=1), available)


@keras.saving.register_keras_serializable(package="pskd_tf")
class ConfidenceAwareDistillation(KnowledgeDistillation):
    """`CE + a sum_k w_k T^2 KL_k + b sum_k w_k MSE(projection_k(f_s), f_k)`.

    There are two differences from the published code. It divides both sums by K once more; divide
    a and b by K to get its scale. It weights the features by the loss of teacher k's classifier on
    the projected student; a loss here has no classifier, so the same w_k weight both terms.

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
        super().__init__(temperature, distillation_weight, label_smoothing, name)
        self.semantic_weight = semantic_weight

    @property
    def uses_embeddings(self) -> bool:
        return self.semantic_weight > 0

    @property
    def learns_without_labels(self) -> bool:
        return False  # its weights depend on the label

    def shares(self, targets: dict[str, Any], outputs: dict[str, Any]) -> Any:
        available = teacher_availability_of(targets)
        return confidence_weights(targets["labels"], targets["teacher_logits"], available)

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        loss, parts, selection = super().terms(targets, outputs)
        if self.uses_embeddings:
            weights = selection[:, :-1]
            distances = semantic_distances(seen_targets(targets), outputs)
            parts["semantic"] = self.semantic_weight * ops.sum(weights * distances, axis=1)
            loss = loss + parts["semantic"]
        return DistillationTerms(loss, parts, selection)


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

    weights = ops.fori_loop(0, 60, step, (start, start))[0]
    return ops.stop_gradient(usable * weights)


def adaptive_ensemble_weights(
    teacher_logits: Any, student_logits: Any, available: Any, temperature: float, cap: float
) -> Any:
    """Returns one weight per teacher and batch: the shortest mixture of the logit gradients.

    `min_w |sum_k w_k g_k|^2`, 0 <= w_k <= cap, sum 1, where `g_k = T mean_i (p(z_s) - p(z_k))` is
    the gradient of `T^2 KL_k` by the student's logits, averaged over the samples that teacher k
    sees. As in the published code all samples of a batch have the same weights. Where a teacher
    does not see a sample, the others share its weight in proportion.

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
class AdaptiveEnsembleDistillation(KnowledgeDistillation):
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
        super().__init__(temperature, distillation_weight, label_smoothing, name)
        if not 0 < cap <= 1:
            raise ValueError(f"cap must lie in 0..1, 0 excluded. Received: {cap}")
        self.cap = cap

    def shares(self, targets: dict[str, Any], outputs: dict[str, Any]) -> Any:
        available = teacher_availability_of(targets)
        return adaptive_ensemble_weights(
            targets["teacher_logits"], outputs["logits"], available, self.temperature, self.cap
        )
