"""Entropy-based knowledge distillation of several teachers (EBKD; Kwon et al., ICASSP 2020)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.knowledge_distillation import KnowledgeDistillation
from pskd_tf.distillation.losses.target_shares import (
    complement_shares,
    teacher_availability_of,
)


def entropy_weights(teacher_logits: Any, available: Any) -> Any:
    """Returns `w_k = (1 - H_k / sum_j H_j) / (n - 1)`, H the entropy of softmax(z_k) at T = 1.

    The published comparisons weight by `(1 - H_k / sum_j H_j) / K`; ours divides by n - 1 instead,
    n the teachers available, so that the weights sum to 1 and lambda means what it means in KD.

    Args:
        teacher_logits: `(batch, teachers, classes)`.
        available: `(batch, teachers)`, 1 where a teacher can see the sample, else 0.

    Returns:
        `(batch, teachers)`, rows summing to 1 (0 where nobody is available). Where all are
        certain, H = 0, they share equally.
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

    def shares(self, targets: dict[str, Any]) -> Any:
        return entropy_weights(targets["teacher_logits"], teacher_availability_of(targets))
