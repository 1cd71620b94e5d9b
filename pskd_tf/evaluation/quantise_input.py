"""THE rule by which features become int8, on the host and in the C core."""

import numpy as np

from data_prep.user_error import UserError


def quantise_input(features: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Quantises features as `microcontroller/src/accelerometer_features.c` does, bit for bit.

    `q = clip(round(x / scale) + zero_point, -128, 127)`; the quotient is one float32 division and
    halves round away from zero, as C's `roundf`. Source: ours; the affine scheme is TensorFlow
    Lite's.

    Args:
        features: Any shape, float32, in g.
        scale: The input tensor's scale, positive and finite.
        zero_point: The input tensor's zero point, in [-128, 127].

    Returns:
        int8 of the same shape.

    Raises:
        UserError: A feature is NaN or infinite.
    """
    features = np.asarray(features, np.float32)
    if not np.isfinite(features).all():
        raise UserError("Features must be finite before they are quantised", "NaN or infinity")
    with np.errstate(over="ignore"):
        quotient = features / np.float32(scale)
    # Clipping first leaves the result as it is and keeps every later step exact in float32.
    quotient = np.clip(quotient, np.float32(-512), np.float32(512))
    whole = np.trunc(quotient)
    # x + 0.5 is inexact just below one half; the difference from the whole part is exact.
    away = np.where(np.abs(quotient - whole) >= 0.5, np.copysign(np.float32(1), quotient), 0)
    rounded = (whole + away).astype(np.int32) + np.int32(zero_point)
    return np.clip(rounded, -128, 127).astype(np.int8)
