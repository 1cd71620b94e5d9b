"""Shares in which a sample follows its teachers, and what is left for the ground truth."""

from typing import Any

from keras import ops


def teacher_availability_of(targets: dict[str, Any]) -> Any:
    """Returns `(batch, teachers)`: 1 where a teacher can see the sample, else 0.

    Args:
        targets: As `DistillationLoss.terms` takes them; without `teacher_available` all are 1.
    """
    everywhere = ops.ones_like(targets["teacher_logits"][..., 0])
    if "teacher_available" not in targets:
        return everywhere
    return ops.cast(targets["teacher_available"], everywhere.dtype)


def normalized_shares(weights: Any) -> Any:
    """Returns weights `(batch, teachers)`, not negative, scaled to rows that sum to 1 (or to 0)."""
    total = ops.sum(weights, axis=1, keepdims=True)
    return weights / ops.where(total > 0, total, ops.ones_like(total))


def complement_shares(fractions: Any, available: Any) -> Any:
    """Returns `w_k = (1 - q_k) / (n - 1)` over the n teachers that are available to a sample.

    Where n = 1 the formula is 0 / 0; that teacher is then followed in full (ours).

    Args:
        fractions: q, `(batch, teachers)`, summing to 1 over the available teachers.
        available: `(batch, teachers)`, 1 or 0.

    Returns:
        `(batch, teachers)`, rows summing to 1, or to 0 where nobody is available.
    """
    several = ops.sum(available, axis=1, keepdims=True) > 1
    return normalized_shares(available * ops.where(several, 1.0 - fractions, available))


def selection_of(shares: Any) -> Any:
    """Returns `(batch, teachers + 1)`: the shares `(batch, teachers)`, then the ground truth's."""
    remaining = ops.maximum(1.0 - ops.sum(shares, axis=1, keepdims=True), 0.0)
    return ops.concatenate([shares, remaining], axis=1)
