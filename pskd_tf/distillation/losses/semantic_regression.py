"""Regression of the teachers' embeddings (FitNets, Romero et al. 2015; VSKD's semantic term)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.semantic_distances import semantic_distances
from pskd_tf.distillation.losses.target_shares import (
    normalized_shares,
    selection_of,
    teacher_availability_of,
)


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
