"""The shortest convex combination of a few vectors, with a cap on each weight."""

from typing import Any

from keras import ops

STEPS = 60


def onto_capped_simplex(point: Any, caps: Any) -> Any:
    """Returns the nearest point with `0 <= w_k <= caps_k` and `sum_k w_k = 1`.

    It is `clip(point - shift, 0, caps)`. The sum falls with the shift and is linear between the
    2 K values at which a component reaches a bound, so the shift is interpolated exactly.

    Args:
        point: `(vectors,)`.
        caps: `(vectors,)`, not negative, of sum at least 1.
    """
    knots = ops.sort(ops.concatenate([point, point - caps]))
    sums = ops.sum(ops.clip(point[None, :] - knots[:, None], 0.0, caps[None, :]), axis=1)
    last = point.shape[0] * 2 - 2
    left = ops.clip(ops.sum(ops.cast(sums >= 1.0, "int32")) - 1, 0, last)
    left_sum, right_sum = ops.take(sums, left), ops.take(sums, left + 1)
    left_knot, right_knot = ops.take(knots, left), ops.take(knots, left + 1)
    fall = left_sum - right_sum
    part = ops.where(fall > 0, (left_sum - 1.0) / ops.where(fall > 0, fall, 1.0), 0.0)
    return ops.clip(point - (left_knot + part * (right_knot - left_knot)), 0.0, caps)


def minimum_norm_weights(vectors: Any, cap: float, usable: Any) -> Any:
    """Returns the weights w that minimise `|sum_k w_k v_k|^2`, 0 <= w_k <= cap, sum 1.

    60 steps of projected gradient descent with Nesterov's momentum, from equal weights, on the
    Gram matrix scaled to trace 1 (so its largest eigenvalue is at most 1, and the step is 1).
    Starting at equal weights keeps the result independent of the vectors' order, and equal
    vectors equally weighted.

    Args:
        vectors: `(vectors, width)`.
        cap: Largest weight; raised to 1 / n where n usable vectors could not sum to 1 otherwise.
        usable: `(vectors,)`, 1, or 0 for a vector that must have weight 0. If none is usable all
            weights are 0.

    Returns:
        `(vectors,)`, without gradient. Source of the problem: Du et al., NeurIPS 2020 (there
        solved as the dual of a one-class SVM); the solver is ours.
    """
    vectors, usable = ops.stop_gradient(vectors), ops.stop_gradient(usable)
    count = ops.maximum(ops.sum(usable), 1.0)
    caps = usable * ops.maximum(cap, 1.0 / count)
    # Scaled first, so that the squares of tiny gradients are not lost to float32.
    vectors = vectors / ops.maximum(ops.max(ops.abs(vectors)), 1e-30)
    gram = ops.matmul(vectors, ops.transpose(vectors))
    gram = gram / ops.maximum(ops.sum(ops.square(vectors)), 1e-30)
    start = usable / count

    def step(index: Any, state: Any) -> Any:
        weights, ahead = state
        moved = onto_capped_simplex(ahead - ops.matmul(gram, ahead[:, None])[:, 0], caps)
        index = ops.cast(index, moved.dtype)
        return moved, moved + index / (index + 3.0) * (moved - weights)

    weights = ops.fori_loop(0, STEPS, step, (start, start))[0]
    return ops.stop_gradient(usable * weights)
