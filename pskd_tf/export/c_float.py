"""Float32 values as C literals that read back to the same bits."""

import math

import numpy as np


def c_float(value: float) -> str:
    """Writes a float32 value as a C literal.

    Args:
        value: A finite value; it is rounded to float32 first.

    Returns:
        Nine significant digits, which single out every float32, and the suffix `f`.

    Raises:
        ValueError: The value is not finite as a float32.
    """
    with np.errstate(over="ignore"):
        single = float(np.float32(value))
    if not math.isfinite(single):
        raise ValueError(f"A C literal must be finite. Received: {value}")
    digits = f"{single:.9g}"
    # `1f` is no C; `1.0f` and `1e-05f` are.
    return f"{digits}f" if set(digits) & set(".e") else f"{digits}.0f"
