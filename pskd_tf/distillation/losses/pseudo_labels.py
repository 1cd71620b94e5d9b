"""Pseudo-labels: a guessed class stands for a label that is missing.

`PseudoLabels` follows the class that the teachers agree on, `FixMatch` the student's own guess.
"""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    CrossEntropy,
    DistillationLoss,
    DistillationTerms,
    cross_entropy,
    normalized_shares,
    seen_targets,
    selection_of,
    teacher_availability_of,
)


def pseudo_labels(
    labels: Any,
    teacher_logits: Any,
    available: Any,
    lowest_confidence: float = 0.0,
    unanimous: bool = False,
) -> Any:
    """Returns the label of each sample, or the class of the teachers' mean probabilities.

    Args:
        labels: `(batch,)` class indices, -1 where there is none.
        teacher_logits: `(batch, teachers, classes)`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.
        lowest_confidence: A sample whose largest mean probability is below has no pseudo-label.
        unanimous: Whether all available teachers must have that class as their most probable.

    Returns:
        `(batch,)` int32 class indices, -1 where there is neither. Source: Lee 2013; the mean of
        several teachers and their unanimity are ours.
    """
    labels = ops.cast(labels, "int32")
    weights = normalized_shares(available)
    mean = ops.sum(weights[..., None] * ops.softmax(teacher_logits, axis=-1), axis=1)
    guess = ops.cast(ops.argmax(mean, axis=-1), "int32")
    kept = ops.logical_and(
        ops.sum(available, axis=1) > 0, ops.max(mean, axis=-1) >= lowest_confidence
    )
    if unanimous:
        own = ops.cast(ops.argmax(teacher_logits, axis=-1), "int32")
        agrees = ops.logical_or(own == guess[:, None], available == 0)
        kept = ops.logical_and(kept, ops.all(agrees, axis=1))
    return ops.where(labels >= 0, labels, ops.where(kept, guess, -1))


@keras.saving.register_keras_serializable(package="pskd_tf")
class PseudoLabels(DistillationLoss):
    """Cross-entropy with the label, and `lambda` times that with the pseudo-label without one.

    With one teacher of the student's own kind it is self-training.

    Args:
        distillation_weight: lambda, the weight of a sample without a label.
        lowest_confidence: As `pseudo_labels` takes it.
        unanimous: As `pseudo_labels` takes it.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        distillation_weight: float = 1.0,
        lowest_confidence: float = 0.5,
        unanimous: bool = False,
        label_smoothing: float = 0.0,
        name: str = "pseudo_labels",
    ):
        super().__init__(name=name)
        if not 0 <= lowest_confidence <= 1:
            raise ValueError(f"lowest_confidence must lie in 0..1. Received: {lowest_confidence}")
        self.distillation_weight = distillation_weight
        self.lowest_confidence = lowest_confidence
        self.unanimous = unanimous
        self.label_smoothing = label_smoothing

    @property
    def learns_without_labels(self) -> bool:
        return True

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        labels, logits = ops.cast(targets["labels"], "int32"), outputs["logits"]
        available = teacher_availability_of(targets)
        guesses = pseudo_labels(
            labels,
            targets["teacher_logits"],
            available,
            self.lowest_confidence,
            self.unanimous,
        )
        truth = cross_entropy(labels, logits, self.label_smoothing)
        missing = ops.where(labels >= 0, -1, guesses)
        assumed = self.distillation_weight * cross_entropy(missing, logits, self.label_smoothing)
        followed = ops.cast(missing >= 0, truth.dtype)[:, None]
        shares = followed * normalized_shares(available)
        parts = {"cross_entropy": truth, "distillation": assumed}
        return DistillationTerms(truth + assumed, parts, selection_of(shares))


@keras.saving.register_keras_serializable(package="pskd_tf")
class FixMatch(DistillationLoss):
    """Cross-entropy with the label, and `lambda` times that with the student's own pseudo-label.

    A sample without a label has the loss `lambda [max_c q_c >= tau] CE(argmax_c q_c, z)`: z are the
    student's logits for the augmented view, q its probabilities for the plain one, through which no
    gradient flows. Where every sample has its label it is cross-entropy. Without `second_logits`,
    as in an evaluation, there are no pseudo-labels.

    Source: FixMatch (Sohn et al., NeurIPS 2020). There the weak view is shifted and flipped, and
    each batch has seven clips without a label for each labelled one; here it is the plain view, in
    inference mode, and clips come as they are in the set. These are ours.

    Args:
        distillation_weight: lambda.
        lowest_confidence: tau, 0 to 1.
        label_smoothing: Smoothing s of both cross-entropies, 0 to 1. A student that fits its labels
            has the confidence 1 - s + s / classes, so tau must be below.
        name: Name of the loss.
    """

    def __init__(
        self,
        distillation_weight: float = 1.0,
        lowest_confidence: float = 0.95,
        label_smoothing: float = 0.0,
        name: str = "fixmatch",
    ):
        super().__init__(name=name)
        if not 0 <= lowest_confidence <= 1:
            raise ValueError(f"lowest_confidence must lie in 0..1. Received: {lowest_confidence}")
        self.distillation_weight = distillation_weight
        self.lowest_confidence = lowest_confidence
        self.label_smoothing = label_smoothing

    @property
    def learns_without_labels(self) -> bool:
        return True

    @property
    def second_view(self) -> str:
        return "plain"

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        terms = CrossEntropy(self.label_smoothing).terms(targets, outputs)
        labels, logits = ops.cast(targets["labels"], "int32"), outputs["logits"]
        missing = ops.full_like(labels, -1)
        if "second_logits" in targets:
            own = ops.stop_gradient(targets["second_logits"])[:, None]
            seen = ops.ones_like(own[..., 0])
            guesses = pseudo_labels(labels, own, seen, self.lowest_confidence)
            missing = ops.where(labels >= 0, missing, guesses)
        assumed = self.distillation_weight * cross_entropy(missing, logits, self.label_smoothing)
        parts = {"cross_entropy": terms.loss, "distillation": assumed}
        return DistillationTerms(terms.loss + assumed, parts, terms.selection)
