"""Integer arithmetic of the plain C kernels: rescaling, activation limits, packed weights.

Each function follows TensorFlow Lite's of the same purpose, so that plain C and TensorFlow Lite
Micro give the same bytes.
"""

import math

import numpy as np

from data_prep.errors import UserError


def quantised_multiplier(factor: float) -> tuple[int, int]:
    """Writes a scale factor as `multiplier / 2^31 / 2^shift`.

    Follows TensorFlow Lite's `QuantizeMultiplier`.

    Args:
        factor: The factor, not negative and below 2^30.

    Returns:
        The multiplier, 0 or in [2^30, 2^31), and the shift to the right, at most 31; negative
        for factors of 1 and more.

    Raises:
        UserError: The factor is out of range.
    """
    if not 0 <= factor < 1 << 30:
        raise UserError("Rescaling factors are at least 0 and below 2^30", factor)
    if factor == 0:
        return 0, 0
    fraction, exponent = math.frexp(factor)
    # Halves away from zero, as C's `round`; the product is exact.
    multiplier = math.floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier //= 2
        exponent += 1
    if exponent < -31:
        return 0, 0
    return multiplier, -exponent


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


# Below these the kernels' single multiply gives what `rescaled` gives, without leaving int32:
# |2 sum * multiplier / 2^32| < 2^30 and |addend| <= 255 * 2^(shift - 1) < 2^30.
SUM_LIMIT = 1 << 30
LARGEST_SHIFT = 23


def rescaled(value: int, multiplier: int, shift: int) -> int:
    """Computes `value * multiplier / 2^31 / 2^shift`, rounded twice.

    Follows TensorFlow Lite's `MultiplyByQuantizedMultiplier` with double rounding: a saturating
    rounding doubling high multiply (halves up), then a rounding division by a power of two
    (halves away from zero).

    Args:
        value: An int32 sum.
        multiplier: 0 or in [2^30, 2^31).
        shift: To the right; to the left, before all else, if negative.

    Returns:
        The rescaled value.
    """
    high = ((value << max(-shift, 0)) * multiplier + (1 << 30)) >> 31
    mask = (1 << max(shift, 0)) - 1
    half = (mask >> 1) + (high < 0)
    return (high >> max(shift, 0)) + ((high & mask) > half)


def pack_dense_weights(weights: np.ndarray) -> np.ndarray:
    """Interleaves pairs of output channels, four weights at a time.

    One pointer then feeds both channels of a pair, a word each.

    Args:
        weights: `(channels, inputs)` int8.

    Returns:
        `(pairs * depth * 2,)` int8 in the order `(pairs, depth / 4, 2, 4)`, zeros added to a
        multiple of eight inputs and two channels.
    """
    channels, inputs = weights.shape
    padded = np.pad(weights, [(0, channels % 2), (0, -inputs % 8)])
    blocks = padded.reshape(len(padded) // 2, 2, -1, 4)
    return blocks.transpose(0, 2, 1, 3).ravel()


# Types of the convolutions' weights among which an export chooses.
WEIGHTS = ("int8", "int16")


def widen_dense_weights(weights: np.ndarray) -> np.ndarray:
    """Writes packed weights as int16, in the order in which the DSP kernel multiplies them.

    Args:
        weights: From `pack_dense_weights`, or with zeros behind it, a multiple of four.

    Returns:
        int16 of the same size: of each four weights the first, third, second and fourth.
    """
    return weights.reshape(-1, 4)[:, [0, 2, 1, 3]].ravel().astype(np.int16)
