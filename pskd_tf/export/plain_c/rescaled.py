"""The reference for `finish` and `rescale` of `plain_kernels.c`, in whole numbers."""


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
