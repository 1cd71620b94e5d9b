"""Real scale factors as the integers that TensorFlow Lite multiplies and shifts by."""

import math

from data_prep.user_error import UserError


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
