"""Stamped samples of a worn sensor at a fixed rate."""

import numpy as np

from data_prep.signals.resample_stamps import resample_stamps
from data_prep.signals.sort_stamps import sort_stamps
from data_prep.user_error import UserError

_RATE_FACTOR = 4.0  # stamps of whole seconds, or of another unit, are further off
_NOTED_GAP_SECONDS = 0.1


def even_samples(
    stamps: np.ndarray, values: np.ndarray, rate_hz: float, longest_gap_seconds: float, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Sorts, merges and resamples stamped samples.

    Args:
        stamps: float64 (samples,), seconds, in any order.
        values: float64 (samples, 3) of any unit.
        rate_hz: The new rate, about that of the sensor.
        longest_gap_seconds: A longer gap makes the samples bad.
        name: The file's name, for errors.

    Returns:
        float32 (new samples, 3) in the same unit, and the notes "stamps_sorted",
        "duplicates_merged" and "gaps_bridged" (a gap over 0.1 s) where they apply.

    Raises:
        UserError: Too many stamps step back, there are not 2 of them, a gap is too long, or there
            are under a quarter or over four times as many samples a second as `rate_hz`.
    """
    stamps, values, flags = sort_stamps(stamps, values, name)
    span = float(stamps[-1] - stamps[0])
    low, high = rate_hz / _RATE_FACTOR, rate_hz * _RATE_FACTOR
    if len(stamps) >= 2 and not low <= (len(stamps) - 1) / span <= high:
        rule = f"A sensor must deliver {low:g} to {high:g} samples a second"
        raise UserError(rule, f"{(len(stamps) - 1) / span:.3g} by its stamps", name)
    even, longest = resample_stamps(stamps, values, rate_hz, longest_gap_seconds, path=name)
    if longest > _NOTED_GAP_SECONDS:
        flags += ("gaps_bridged",)
    return even.astype(np.float32), flags
