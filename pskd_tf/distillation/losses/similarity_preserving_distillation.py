"""Similarity-preserving knowledge distillation (SP; Tung, Mori, ICCV 2019)."""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.cross_entropy import cross_entropy
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.losses.target_shares import (
    normalized_shares,
    selection_of,
    teacher_availability_of,
)


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
