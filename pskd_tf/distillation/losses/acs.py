"""Adaptive-Confidence Semantic (ACS) loss, reconstructed from the abstract of PSKD.

The paper (Ni, Ngu, Yan, ACM MM 2022) states that the student selects, per sample, one of the
teachers or the ground truth to mimic; its formula is not public to us, so everything below is
ours. Someone who holds the paper can correct it in this one file.
"""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationLoss,
    DistillationTerms,
    cross_entropy,
    seen_targets,
    semantic_distances,
)
from pskd_tf.distillation.losses.logits import knowledge_distillation
from pskd_tf.training_settings import ACSSettings


def teacher_confidence(labels: Any, teacher_logits: Any, lowest_confidence: float = 0.0) -> Any:
    """Returns each teacher's probability of the true class where its argmax is right, else 0.

    Where a sample has no label it is the teacher's largest probability, or 0 where that is below
    `lowest_confidence`.

    Args:
        labels: `(batch,)` class indices, -1 where there is none.
        teacher_logits: `(batch, teachers, classes)`.
        lowest_confidence: Least confidence that counts on a sample without a label.

    Returns:
        `(batch, teachers)` in 0..1. Source: ours.
    """
    labels = ops.cast(labels, "int32")
    probabilities = ops.softmax(teacher_logits, axis=-1)
    one_hot = ops.one_hot(labels, teacher_logits.shape[-1], dtype=teacher_logits.dtype)
    truth = ops.sum(probabilities * one_hot[:, None, :], axis=-1)
    right = ops.equal(ops.cast(ops.argmax(teacher_logits, axis=-1), "int32"), labels[:, None])
    confidence = truth * ops.cast(right, truth.dtype)
    largest = ops.max(probabilities, axis=-1)
    sure = largest * ops.cast(largest >= lowest_confidence, largest.dtype)
    return ops.where(labels[:, None] >= 0, confidence, sure)


def followed_shares(
    labels: Any,
    teacher_logits: Any,
    student_logits: Any,
    selection: str,
    available: Any = None,
    lowest_confidence: float = 0.0,
) -> Any:
    """Returns the share of each teacher in each sample; the ground truth has the rest.

    `hard`: the teacher of highest confidence, if any is right. `gap`: the same, where that
    teacher's cross-entropy is below the student's. `near`: of the teachers that are right, the one
    with the output nearest to the student's, `argmin_k KL(softmax(z_k) || softmax(z_s))`.
    `right`: all teachers that are right, equally. `soft`: `w_k = max(c) c_k / sum_j c_j`. Teachers
    that tie share equally, so that their order does not matter.

    On a sample without a label every teacher whose confidence counts takes the place of those that
    are right, and `gap` compares it with the student's largest probability.

    Args:
        labels: `(batch,)` class indices, -1 where there is none.
        teacher_logits: `(batch, teachers, classes)`.
        student_logits: `(batch, classes)`.
        selection: `hard`, `gap`, `near`, `right` or `soft`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0; None: all.
        lowest_confidence: As `teacher_confidence` takes it.

    Returns:
        `(batch, teachers)`, rows summing to at most 1. No gradient flows through it.
        Source: ours.
    """
    confidence = teacher_confidence(labels, teacher_logits, lowest_confidence)
    if available is not None:
        confidence = confidence * available
    highest = ops.max(confidence, axis=1, keepdims=True)
    if selection == "soft":
        total = ops.sum(confidence, axis=1, keepdims=True)
        return ops.stop_gradient(highest * confidence / ops.maximum(total, 1e-12))
    right = confidence > 0
    preference = confidence
    if selection == "right":
        preference = ops.cast(right, confidence.dtype)
    elif selection == "near":
        distance = knowledge_distillation(teacher_logits, student_logits[:, None, :], 1.0)
        preference = ops.where(right, -distance, -float("inf"))
    best = ops.max(preference, axis=1, keepdims=True)
    chosen = ops.cast(ops.logical_and(right, preference >= best), confidence.dtype)
    shares = chosen / ops.maximum(ops.sum(chosen, axis=1, keepdims=True), 1.0)
    if selection == "gap":
        known = ops.cast(labels, "int32") >= 0
        own = -ops.max(ops.log_softmax(student_logits, axis=-1), axis=-1)
        student = ops.where(known, cross_entropy(labels, student_logits), own)[:, None]
        shares = shares * ops.cast(-ops.log(ops.maximum(highest, 1e-12)) < student, shares.dtype)
    return ops.stop_gradient(shares)


@keras.saving.register_keras_serializable(package="pskd_tf")
class AdaptiveConfidenceSemantic(DistillationLoss):
    """ACS, reconstructed from the abstract: per sample follow a teacher or the ground truth.

    With shares w_k of `followed_shares` and `D_k = lambda T^2 KL_k + mu d_k`: `hard`, `gap`,
    `near` and `right` give `CE + sum_k w_k D_k`; `soft` gives
    `(1 - sum_k w_k) CE + sum_k w_k D_k`. Where no teacher is right all of them are cross-entropy
    alone. On a sample without a label CE is 0. Source: ours.

    Args:
        selection: `hard`, `gap`, `near`, `right` or `soft`.
        temperature: T, above 0.
        distillation_weight: lambda.
        semantic_weight: mu; 0 leaves the embeddings out.
        semantic_kind: `mse` or `cosine`.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        lowest_confidence: Least confidence of a teacher to follow on a sample without a label.
        name: Name of the loss.
    """

    def __init__(
        self,
        selection: str = ACSSettings.selection,
        temperature: float = ACSSettings.temperature,
        distillation_weight: float = ACSSettings.distillation_weight,
        semantic_weight: float = ACSSettings.semantic_weight,
        semantic_kind: str = ACSSettings.semantic_kind,
        label_smoothing: float = ACSSettings.label_smoothing,
        lowest_confidence: float = ACSSettings.lowest_confidence,
        name: str = "adaptive_confidence_semantic",
    ):
        super().__init__(name=name)
        settings = ACSSettings(
            selection,
            temperature,
            distillation_weight,
            semantic_weight,
            semantic_kind,
            label_smoothing,
            lowest_confidence,
        )
        self.selection = settings.selection
        self.temperature = settings.temperature
        self.distillation_weight = settings.distillation_weight
        self.semantic_weight = settings.semantic_weight
        self.semantic_kind = settings.semantic_kind
        self.label_smoothing = settings.label_smoothing
        self.lowest_confidence = settings.lowest_confidence

    @property
    def learns_without_labels(self) -> bool:
        return True

    @property
    def uses_embeddings(self) -> bool:
        return self.semantic_weight > 0

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        labels, teacher_logits = targets["labels"], targets["teacher_logits"]
        logits = outputs["logits"]
        truth = cross_entropy(labels, logits, self.label_smoothing)
        available = targets.get("teacher_available")
        shares = followed_shares(
            labels, teacher_logits, logits, self.selection, available, self.lowest_confidence
        )
        remaining = 1.0 - ops.sum(shares, axis=1)
        divergence = knowledge_distillation(teacher_logits, logits[:, None, :], self.temperature)
        parts = {
            "cross_entropy": remaining * truth if self.selection == "soft" else truth,
            "distillation": self.distillation_weight * ops.sum(shares * divergence, axis=1),
        }
        if self.uses_embeddings:
            distances = semantic_distances(targets, outputs, self.semantic_kind)
            parts["semantic"] = self.semantic_weight * ops.sum(shares * distances, axis=1)
        selection = ops.concatenate([shares, remaining[:, None]], axis=1)
        return DistillationTerms(sum(parts.values()), parts, selection)
