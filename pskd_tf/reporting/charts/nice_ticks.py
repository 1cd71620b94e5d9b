"""Round numbers along an axis."""

import math


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Returns multiples of 1, 2 or 5 times a power of ten within a range.

    Args:
        low: Start of the axis.
        high: End of the axis, above `low`.
        count: About how many are wanted.

    Returns:
        Ascending values within `[low, high]`.
    """
    rough = (high - low) / max(count, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * unit for unit in (1, 2, 5, 10) if power * unit >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(number * step, 10) for number in range(first, last + 1)]
