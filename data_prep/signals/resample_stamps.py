"""Samples with uneven time stamps brought to a fixed rate."""

import math
from pathlib import Path

import numpy as np

from data_prep.signals.antialias_lowpass import antialias_lowpass
from data_prep.user_error import UserError

_SAME_RATE = 0.1  # a stream at most a tenth faster than the new rate is not filtered
_ROUNDING = 1e-4  # of a period: epoch seconds hold 0.24 microseconds


def resample_stamps(
    stamps_seconds: np.ndarray,
    values: np.ndarray,
    rate_hz: float,
    longest_gap_seconds: float,
    start_seconds: float | None = None,
    end_seconds: float | None = None,
    path: str | Path | None = None,
) -> tuple[np.ndarray, float]:
    """Reads the straight line between neighbouring samples at evenly spaced times.

    Where samples come faster than the new rate (by their mean rate), the line is read at a
    multiple of the new rate, low-passed (`antialias_lowpass`) and thinned out, so that nothing
    aliases. Ours.

    Args:
        stamps_seconds: (samples,) ascending without duplicates; see `sort_stamps`.
        values: (samples, ...) of any unit.
        rate_hz: The new rate.
        longest_gap_seconds: Neighbouring stamps may be this far apart.
        start_seconds: Time of the first new sample, not before the first stamp (the default).
        end_seconds: New samples go up to here, not beyond the last stamp (the default).
        path: The file, for errors.

    Returns:
        float64 (new samples, ...) at start, start + 1 / rate_hz, ...; and the longest gap between
        neighbouring stamps in seconds.

    Raises:
        UserError: There are fewer than 2 samples, stamps do not ascend, or a gap is too long.
    """
    stamps = np.asarray(stamps_seconds, dtype=np.float64)
    if len(stamps) < 2:
        raise UserError("Resampling needs at least 2 samples", len(stamps), path)
    gaps = np.diff(stamps)
    if not (gaps > 0).all():
        raise UserError("Time stamps must ascend without duplicates", "others", path)
    longest = float(gaps.max())
    if longest > longest_gap_seconds:
        rule = f"Neighbouring samples must be at most {longest_gap_seconds:g} s apart"
        raise UserError(rule, f"{longest:.3g} s after sample {int(gaps.argmax())}", path)
    start = float(stamps[0]) if start_seconds is None else start_seconds
    end = float(stamps[-1]) if end_seconds is None else end_seconds
    if not stamps[0] <= start <= end <= stamps[-1]:
        rule = "Resampling must stay within the stamps"
        raise UserError(rule, f"{start:.3f} to {end:.3f}", path)
    mean_rate = (len(stamps) - 1) / (stamps[-1] - stamps[0])
    factor = max(1, math.ceil(mean_rate / rate_hz - _SAME_RATE))
    fine_rate = factor * rate_hz
    # The fine grid covers all stamps, so that the filter sees beyond start and end.
    before = math.floor((start - stamps[0]) * fine_rate + _ROUNDING)
    after = math.floor((stamps[-1] - start) * fine_rate + _ROUNDING)
    grid = start + np.arange(-before, after + 1) / fine_rate
    fine = antialias_lowpass(_interpolate(grid, stamps, values), factor)
    count = math.floor((end - start) * rate_hz + _ROUNDING) + 1
    return fine[before::factor][:count], longest


def _interpolate(grid: np.ndarray, stamps: np.ndarray, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    right = np.clip(np.searchsorted(stamps, grid), 1, len(stamps) - 1)
    weight = np.clip((grid - stamps[right - 1]) / (stamps[right] - stamps[right - 1]), 0.0, 1.0)
    weight = weight.reshape(-1, *[1] * (values.ndim - 1))
    return values[right - 1] * (1.0 - weight) + values[right] * weight
