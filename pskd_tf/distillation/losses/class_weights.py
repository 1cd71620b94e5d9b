"""Weights of classes in any distillation loss, for training sets in which some are rare."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from pskd_tf.distillation.losses.base import DistillationLoss, DistillationTerms, WrappedLoss


def balanced_class_weights(labels: np.ndarray, num_classes: int) -> tuple[float, ...]:
    """Returns weights by which every class that occurs counts equally.

    `w_c = n / (k n_c)` for the n labelled clips, n_c of them of class c, and the k classes that
    occur: their mean over the clips is 1. Source: scikit-learn's `class_weight="balanced"`.

    Args:
        labels: `(clips,)` class indices; -1 without a label.
        num_classes: Number of classes.

    Returns:
        A weight for each class; 1 for one that does not occur.
    """
    counts = np.bincount(labels[labels >= 0], minlength=num_classes)
    occurring = max(int((counts > 0).sum()), 1)
    weights = counts.sum() / (occurring * np.maximum(counts, 1))
    return tuple(float(weight) for weight in np.where(counts > 0, weights, 1.0))


@keras.saving.register_keras_serializable(package="pskd_tf")
class ClassWeighted(WrappedLoss):
    """A loss whose value for a sample is multiplied by the weight of the sample's label.

    Of a mixed sample each source counts with its own weight. A sample without a label counts 1.

    Args:
        loss: The loss.
        weights: Weight of each class.
        name: Name of the loss.
    """

    def __init__(
        self, loss: DistillationLoss, weights: Sequence[float], name: str = "class_weighted"
    ):
        super().__init__(loss, name)
        self.weights = tuple(weights)

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        terms = self.loss.terms(targets, outputs)
        labels = ops.cast(targets["labels"], "int32")
        weights = ops.take(
            ops.convert_to_tensor(self.weights, "float32"), ops.maximum(labels, 0), axis=0
        )
        weights = ops.where(labels >= 0, weights, ops.ones_like(weights))
        parts = {name: weights * part for name, part in terms.parts.items()}
        return DistillationTerms(weights * terms.loss, parts, terms.selection)
