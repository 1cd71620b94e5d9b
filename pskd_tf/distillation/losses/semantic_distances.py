"""Distances of the student's embedding from every teacher's."""

from typing import Any

from keras import ops

from pskd_tf.distillation.losses.semantic_distance import semantic_distance


def semantic_distances(targets: dict[str, Any], outputs: dict[str, Any], kind: str = "mse") -> Any:
    """Returns `(batch, teachers)`: `semantic_distance` of each teacher and its projection.

    Args:
        targets: As `DistillationLoss.terms` takes them.
        outputs: As `DistillationLoss.terms` takes them.
        kind: `mse` or `cosine`.
    """
    pairs = zip(targets["teacher_embeddings"], outputs["projected_embeddings"], strict=True)
    return ops.stack(
        [semantic_distance(teacher, student, kind) for teacher, student in pairs], axis=1
    )
