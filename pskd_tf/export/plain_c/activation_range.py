"""The int8 range that a fused activation leaves."""

import math

import numpy as np

from data_prep.user_error import UserError

# By the flatbuffer's ActivationFunctionType.
_LIMITS = {
    0: (None, None),
    1: (0.0, None),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
}


def activation_range(activation: int, scale: float, zero_point: int) -> tuple[int, int]:
    """Translates a fused activation into limits of the int8 output.

    Follows TensorFlow Lite's `CalculateActivationRangeQuantized`.

    Args:
        activation: The flatbuffer's number: 0 none, 1 ReLU, 2 ReLU from -1 to 1, 3 ReLU6.
        scale: Scale of the output.
        zero_point: Zero point of the output.

    Returns:
        The smallest and largest value, within [-128, 127].

    Raises:
        UserError: Another activation.
    """
    if activation not in _LIMITS:
        raise UserError("Fused activations of plain C are none, ReLU, ReLU6", activation)
    lower, upper = _LIMITS[activation]

    def quantised(limit: float) -> int:
        quotient = float(np.float32(limit) / np.float32(scale))
        return zero_point + math.floor(abs(quotient) + 0.5) * (1 if quotient >= 0 else -1)

    return (
        -128 if lower is None else max(-128, quantised(lower)),
        127 if upper is None else min(127, quantised(upper)),
    )
