"""Distance between the semantic embeddings of a teacher and the student."""

from typing import Any

from keras import ops


def semantic_distance(teacher_embedding: Any, projected_embedding: Any, kind: str = "mse") -> Any:
    """Returns the mean squared error, or 1 - cosine, between two embeddings per sample.

    Args:
        teacher_embedding: `(batch, width)`.
        projected_embedding: `(batch, width)`, the student's, projected to the teacher's width.
        kind: `mse` or `cosine`.

    Returns:
        `(batch,)`. Source: the MSE on the first dense layer is VSKD's (Ni et al. 2022); the
        cosine is ours.

    Raises:
        ValueError: `kind` is neither.
    """
    if kind == "mse":
        return ops.mean(ops.square(teacher_embedding - projected_embedding), axis=-1)
    if kind == "cosine":
        teacher = ops.normalize(teacher_embedding, axis=-1)
        student = ops.normalize(projected_embedding, axis=-1)
        return 1.0 - ops.sum(teacher * student, axis=-1)
    raise ValueError(f"kind must be mse or cosine. Received: {kind}")
