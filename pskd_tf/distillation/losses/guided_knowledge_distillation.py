"""Guided knowledge distillation: a teacher is followed only where it is right."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.knowledge_distillation import KnowledgeDistillation
from pskd_tf.distillation.losses.target_shares import (
    normalized_shares,
    teacher_availability_of,
)


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

    def shares(self, targets: dict[str, Any]) -> Any:
        available = teacher_availability_of(targets)
        return right_teacher_shares(targets["labels"], targets["teacher_logits"], available)
