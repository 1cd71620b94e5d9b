"""Losses that pre-train a student's embedding on paired clips, without any label.

`Contrastive` brings the student's embedding of a clip near the teacher's embedding of the same clip
and away from those of other clips (IMU2CLIP); `QueueSimilarity` has the student place each clip
among the teacher's latest embeddings as the teacher does (COMODO). Labels are not read.
"""

import math
from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationLoss,
    DistillationTerms,
    check_temperature,
    normalized_shares,
    seen_targets,
    selection_of,
    teacher_availability_of,
)


def info_nce(student: Any, teacher: Any, available: Any, temperature: float) -> Any:
    """Returns the symmetric InfoNCE loss per sample, in nats.

    With `s_ij = cos(student_i, teacher_j) / temperature` it is the mean of the cross-entropies of
    pair i among row i and among column i of s: `-(log softmax_j(s_ij)[i] +
    log softmax_j(s_ji)[i]) / 2`.

    Args:
        student: `(batch, width)`.
        teacher: `(batch, width)`.
        available: `(batch,)`, 1, or 0 where the teacher does not see a clip: its pair is left out.
        temperature: Positive, a number or a tensor.

    Returns:
        `(batch,)`, 0 for a pair that is left out. Source: van den Oord et al. 2018; symmetric
        between modalities: CMC (Tian et al., ECCV 2020), IMU2CLIP (Moon et al., EMNLP 2023).
    """
    own, others = ops.normalize(student, axis=-1), ops.normalize(teacher, axis=-1)
    similarity = ops.matmul(own, ops.transpose(others)) / temperature
    left_out = -1e9 * (1.0 - available)
    rows = ops.log_softmax(similarity + left_out[None, :], axis=1)
    columns = ops.log_softmax(similarity + left_out[:, None], axis=0)
    pair = ops.eye(available.shape[0] or ops.shape(available)[0], dtype=similarity.dtype)
    return -0.5 * available * ops.sum(pair * (rows + columns), axis=1)


def queue_similarity(
    student: Any,
    teacher: Any,
    queue: Any,
    teacher_temperature: float,
    student_temperature: float,
) -> Any:
    """Returns `-sum_j q_t[j] log q_s[j]` over a queue and the batch, per sample, in nats.

    `q_t = softmax_j(cos(teacher, k_j) / teacher_temperature)`, and q_s likewise of the student; the
    keys k are the rows of the queue and the teacher's embeddings of the batch.

    Args:
        student: `(batch, width)`.
        teacher: `(batch, width)`.
        queue: `(length, width)` earlier embeddings of the teacher; a row of zeros has cosine 0.
        teacher_temperature: Positive.
        student_temperature: Positive.

    Returns:
        `(batch,)`. Source: COMODO (Chen et al. 2025), as its code computes it; SEED (Fang et al.,
        ICLR 2021) within one modality.
    """
    own, target = ops.normalize(student, axis=-1), ops.normalize(teacher, axis=-1)
    keys = ops.transpose(ops.concatenate([ops.normalize(queue, axis=-1), target], axis=0))
    followed = ops.softmax(ops.matmul(target, keys) / teacher_temperature, axis=-1)
    reached = ops.log_softmax(ops.matmul(own, keys) / student_temperature, axis=-1)
    return -ops.sum(followed * reached, axis=-1)


class _EmbeddingPretraining(DistillationLoss):
    """The mean over a sample's available teachers of a loss between two embeddings."""

    @property
    def learns_without_labels(self) -> bool:
        return True

    @property
    def uses_embeddings(self) -> bool:
        return True

    def one_teacher(
        self, place: int, targets: dict[str, Any], outputs: dict[str, Any], available: Any
    ) -> Any:
        """Returns the loss with one teacher, `(batch,)`."""
        raise TypeError(f"{type(self).__name__} must define one_teacher()")

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        available = teacher_availability_of(targets)
        values = [
            self.one_teacher(place, targets, outputs, available[:, place])
            for place in range(len(outputs["projected_embeddings"]))
        ]
        shares = normalized_shares(available)
        loss = ops.sum(shares * ops.stack(values, axis=1), axis=1)
        return DistillationTerms(loss, {"semantic": loss}, selection_of(shares))


_LOG_TEMPERATURE = "log_temperature"
_LOWEST_TEMPERATURE = 0.01  # as in CLIP


@keras.saving.register_keras_serializable(package="pskd_tf")
class Contrastive(_EmbeddingPretraining):
    """`info_nce` of the student's projected embedding and a frozen teacher's, as in IMU2CLIP.

    Afterwards a classifier is trained, as in IMU2CLIP and in CMC-CMKM (Brinzea et al. 2022), which
    has the same loss between skeleton and inertial data. Both train two nets with it; here the
    teacher is trained before, with labels (ours).

    Args:
        temperature: Temperature of the similarities.
        learns_temperature: Whether its logarithm is trained with the student, from `temperature`
            on; it is then never below .01. Without `log_temperature` in the outputs, as outside of
            a distiller, it is `temperature`.
        name: Name of the loss.
    """

    def __init__(
        self,
        temperature: float = 0.1,
        learns_temperature: bool = False,
        name: str = "contrastive",
    ):
        super().__init__(name=name)
        check_temperature(temperature)
        self.temperature = temperature
        self.learns_temperature = learns_temperature

    @property
    def learned_weights(self) -> dict[str, float]:
        return {_LOG_TEMPERATURE: math.log(self.temperature)} if self.learns_temperature else {}

    def one_teacher(
        self, place: int, targets: dict[str, Any], outputs: dict[str, Any], available: Any
    ) -> Any:
        teacher, temperature = targets["teacher_embeddings"][place], self.temperature
        if _LOG_TEMPERATURE in outputs:
            temperature = ops.maximum(ops.exp(outputs[_LOG_TEMPERATURE]), _LOWEST_TEMPERATURE)
        return info_nce(outputs["projected_embeddings"][place], teacher, available, temperature)


@keras.saving.register_keras_serializable(package="pskd_tf")
class QueueSimilarity(_EmbeddingPretraining):
    """`queue_similarity` of the student's projected embedding and a frozen teacher's (COMODO).

    The distiller keeps the queue; without `teacher_queues`, as in an evaluation, the keys are the
    batch alone. The teacher reads the skeleton instead of a video (ours).

    Args:
        queue_length: Earlier embeddings of each teacher that are kept, the oldest leaving first.
        teacher_temperature: Temperature of the teacher's similarities.
        student_temperature: Temperature of the student's.
        name: Name of the loss.
    """

    def __init__(
        self,
        queue_length: int = 256,
        teacher_temperature: float = 0.1,
        student_temperature: float = 0.05,
        name: str = "queue_similarity",
    ):
        super().__init__(name=name)
        check_temperature(teacher_temperature)
        check_temperature(student_temperature)
        self.queue_length = queue_length
        self.teacher_temperature = teacher_temperature
        self.student_temperature = student_temperature

    def one_teacher(
        self, place: int, targets: dict[str, Any], outputs: dict[str, Any], available: Any
    ) -> Any:
        teacher = targets["teacher_embeddings"][place]
        queue = targets["teacher_queues"][place] if "teacher_queues" in targets else teacher[:0]
        temperatures = self.teacher_temperature, self.student_temperature
        projected = outputs["projected_embeddings"][place]
        return queue_similarity(projected, teacher, queue, *temperatures)
