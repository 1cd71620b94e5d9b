"""The time that two recordings share."""

import math
from pathlib import Path

import numpy as np

from data_prep.user_error import UserError

_ROUNDING = 1e-4  # of a period: epoch seconds hold 0.24 microseconds


def common_time(
    first_stamps: np.ndarray,
    second_stamps: np.ndarray,
    period_seconds: float,
    shortest_seconds: float,
    path: str | Path | None = None,
) -> tuple[float, float]:
    """Returns from when to when both streams were recorded, as whole periods.

    With the common period of two rates (1 / gcd), both streams then have a sample at the start
    and one at the end: "end_to_end". Ours.

    Args:
        first_stamps: (samples,) ascending, in seconds.
        second_stamps: (samples,) ascending, in seconds of the same clock.
        period_seconds: The end is a whole number of these after the start.
        shortest_seconds: The least duration to accept.
        path: The file, for errors.

    Returns:
        Start and end in seconds.

    Raises:
        UserError: The streams share less than `shortest_seconds`.
    """
    start = float(max(first_stamps[0], second_stamps[0]))
    end = float(min(first_stamps[-1], second_stamps[-1]))
    duration = math.floor((end - start) / period_seconds + _ROUNDING) * period_seconds
    if duration < shortest_seconds:
        rule = f"Both streams of a clip must share at least {shortest_seconds:g} s"
        raise UserError(rule, f"{duration:.3g} s", path)
    return start, min(start + duration, end)
