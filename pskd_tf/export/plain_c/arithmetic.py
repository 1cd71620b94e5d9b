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


# Bits before the point of the tanh's argument, and of a quarter's place in e^x below.
_ARGUMENT_BITS = 4
_LARGEST = (1 << 31) - 1
# e^-x for x = 1/4, 1/2, 1, 2, 4, 8, 16 in units of 2^-31.
_POWERS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)


def tanh_table(scale: float, zero_point: int) -> np.ndarray:
    """Computes the int8 outputs of TANH for every int8 input.

    Follows TensorFlow Lite's integer `Tanh`, whose fixed-point arithmetic is gemmlowp's `tanh`.

    Args:
        scale: Scale of the input.
        zero_point: Zero point of the input.

    Returns:
        `(256,)` int8 of scale 1/128 and zero point 0, for the inputs -128 to 127.
    """
    fraction = 31 - _ARGUMENT_BITS
    multiplier, shift = quantised_multiplier(scale * (1 << fraction))
    radius = math.floor(((1 << _ARGUMENT_BITS) - 1) * 2.0 ** (fraction + shift))
    outputs = []
    for value in range(-128 - zero_point, 128 - zero_point):
        if abs(value) >= radius:
            outputs.append(-128 if value < 0 else 127)
            continue
        argument = rescaled(value, multiplier, shift)
        size = _minus_tanh(-abs(argument)) if argument else 0
        outputs.append(max(-128, min(127, _halved(size if value >= 0 else -size, 24))))
    return np.array(outputs, np.int8)


def _product(first: int, second: int) -> int:
    """gemmlowp's saturating rounding doubling high multiply, for factors that do not saturate."""
    return (first * second + (1 << 30)) >> 31


def _halved(value: int, times: int) -> int:
    """Divides by a power of two, halves away from zero."""
    mask = (1 << times) - 1
    return (value >> times) + ((value & mask) > (mask >> 1) + (value < 0))


def _saturated(value: int) -> int:
    return max(-_LARGEST - 1, min(_LARGEST, value))


def _minus_tanh(argument: int) -> int:
    """gemmlowp's `neg_tanh_on_negative_values`: `-tanh(x)`, x below 0 in units of 2^-27."""
    power = _exponential(argument)
    half = (power + _LARGEST + 1) >> 1
    # Newton's division 2 / (1 + e^2x), in units of 2^-29.
    quotient = 1515870810 + _product(half, -1010580540)
    for _ in range(3):
        rest = (1 << 29) - _product(half, quotient)
        quotient += _saturated(_product(quotient, rest) << 2)
    return _saturated((quotient - (1 << 29)) << 2)


def _exponential(argument: int) -> int:
    """gemmlowp's `exp_on_negative_values`: `e^x` in units of 2^-31, x at most 0 in 2^-26."""
    if argument == 0:
        return _LARGEST
    quarter = 1 << 24
    within = (argument & (quarter - 1)) - quarter
    # e^-1/8 (1 + y + y^2/2 + y^3/6 + y^4/24) for y around -1/8.
    y = _saturated(within << 5) + (1 << 28)
    square = _product(y, y)
    cube, fourth = _product(square, y), _product(square, square)
    tail = _halved(_product(_halved(fourth, 2) + cube, 715827883) + square, 1)
    result = 1895147668 + _product(1895147668, y + tail)
    for place, power in enumerate(_POWERS):
        if (within - argument) & (quarter << place):
            result = _product(result, power)
    return result


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
