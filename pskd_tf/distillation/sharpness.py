"""Sharpness-aware minimisation (SAM): the gradient where the loss nearby is highest."""

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf
from keras import ops


def sharpness_aware_gradients(
    gradients_of: Callable[[], tuple[list[Any], Any]],
    weights: Sequence[Any],
    state: Sequence[Any],
    radius: float,
) -> tuple[list[Any], Any]:
    """Returns the gradients of the loss at `w + rho g / ||g||`, g those at the weights w.

    Both passes draw the same dropout, and the statistics of BatchNorm are those of the first pass.

    Args:
        gradients_of: Does a pass; returns a gradient, or None, for each weight, and anything else.
        weights: Variables; at the end they are as before.
        state: Variables that a pass changes: statistics of BatchNorm, seeds of dropout.
        radius: rho, in the Euclidean norm over all weights.

    Returns:
        The gradients, and the other result of the first pass.

    Source: Foret et al., ICLR 2021, eq. 2 and 3.
    """
    before = _values(state)
    gradients, first = gradients_of()
    after, own = _values(state), _values(weights)
    norm = tf.linalg.global_norm([one for one in gradients if one is not None])
    scale = tf.math.divide_no_nan(radius, norm)
    _assign(state, before)
    for weight, gradient in zip(weights, gradients, strict=True):
        if gradient is not None:
            weight.assign_add(ops.cast(scale * gradient, weight.dtype))
    perturbed, _ = gradients_of()
    _assign(weights, own)
    _assign(state, after)
    return perturbed, first


def _values(variables: Sequence[Any]) -> list[Any]:
    return [ops.copy(one) for one in variables]


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
