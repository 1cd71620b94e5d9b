"""Consistency of the student's outputs for two views of a clip (R-Drop)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import DistillationLoss, DistillationTerms, WrappedLoss


def symmetric_divergence(first_logits: Any, second_logits: Any) -> Any:
    """Returns `(KL(p1 || p2) + KL(p2 || p1)) / 2` per sample.

    Args:
        first_logits: `(batch, classes)`.
        second_logits: `(batch, classes)`.

    Returns:
        `(batch,)`, in nats. Source: Liang et al., NeurIPS 2021, eq. 2.
    """
    first = ops.log_softmax(first_logits, axis=-1)
    second = ops.log_softmax(second_logits, axis=-1)
    return 0.5 * ops.sum((ops.exp(first) - ops.exp(second)) * (first - second), axis=-1)


@keras.saving.register_keras_serializable(package="pskd_tf")
class ConsistentLoss(WrappedLoss):
    """A loss with `weight / 2` times the symmetric divergence of two views added.

    The second half of each batch holds other views of the clips of the first half, in the same
    order. Source: R-Drop (Liang et al., NeurIPS 2021, eq. 4), with alpha = `weight`. There the loss
    of a clip is the sum over its two views, here the mean, so it is half of eq. 4. There the two
    views differ by dropout alone, here by the augmentation, too.

    Args:
        loss: The loss.
        weight: alpha, 0 or more.
        name: Name of the loss.
    """

    def __init__(self, loss: DistillationLoss, weight: float, name: str = "consistent_loss"):
        super().__init__(loss, name)
        self.weight = weight

    def prepared(self, outputs: dict[str, Any]) -> dict[str, Any]:
        prepared = super().prepared(outputs)
        first, second = ops.split(outputs["logits"], 2, axis=0)
        each = ops.tile(symmetric_divergence(first, second), (2,))
        return {**prepared, "consistency": 0.5 * self.weight * each}

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        if "consistency" not in outputs:
            outputs = self.prepared(outputs)
        terms = self.loss.terms(targets, outputs)
        added = outputs["consistency"]
        parts = {**terms.parts, "consistency": added}
        return DistillationTerms(terms.loss + added, parts, terms.selection)
