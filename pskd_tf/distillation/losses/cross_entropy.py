"""Cross-entropy with the ground truth: the loss without a teacher."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms


def cross_entropy(labels: Any, logits: Any, label_smoothing: float = 0.0) -> Any:
    """Returns `-sum_c t_c log softmax(z)_c` per sample, t the smoothed one-hot label.

    Args:
        labels: `(batch,)` class indices.
        logits: `(batch, classes)`.
        label_smoothing: Share s of the target spread evenly: `t = (1 - s) onehot + s / classes`.

    Returns:
        `(batch,)`, in nats. Source: Szegedy et al. 2016 for the smoothing.
    """
    num_classes = logits.shape[-1]
    one_hot = ops.one_hot(ops.cast(labels, "int32"), num_classes, dtype=logits.dtype)
    target = one_hot * (1.0 - label_smoothing) + label_smoothing / num_classes
    return -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)


@keras.saving.register_keras_serializable(package="pskd_tf")
class CrossEntropy(DistillationLoss):
    """Cross-entropy with the ground truth, ignoring any teacher.

    Args:
        label_smoothing: Share of the target spread evenly over the classes, 0 to 1.
        name: Name of the loss.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "cross_entropy"):
        super().__init__(name=name)
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        loss = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        num_teachers = targets["teacher_logits"].shape[1] if "teacher_logits" in targets else 0
        ground_truth = ops.ones_like(loss)[:, None]
        ignored = ops.repeat(ops.zeros_like(ground_truth), num_teachers, axis=1)
        selection = ops.concatenate([ignored, ground_truth], axis=1)
        return DistillationTerms(loss, {"cross_entropy": loss}, selection)

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing, "name": self.name}
