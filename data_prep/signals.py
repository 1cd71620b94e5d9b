"""Signals at a fixed rate: resampling, and gaps and lost markers filled.

`resample_stamps` brings stamped samples to a fixed rate behind an anti-aliasing filter
(`antialias_lowpass`), `even_samples` with their stamps sorted first. Two functions fill what a
camera lost: frames of a skeleton and single markers.
"""

import math
from pathlib import Path

import numpy as np
from scipy import signal

from data_prep.errors import UserError
from data_prep.stamps import sort_stamps

_ROUNDING = 1e-4  # of a period: epoch seconds hold 0.24 microseconds
_SAME_RATE = 0.1  # a stream at most a tenth faster than the new rate is not filtered


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
    return np.asarray(values[right - 1] * (1.0 - weight) + values[right] * weight)


_TAPS_EACH_SIDE = 10  # times the factor; a Hamming window's transition is then 0.165 of the rate
_CUTOFF = 0.8  # of the new Nyquist frequency, so that the transition ends below it


def antialias_lowpass(values: np.ndarray, factor: int) -> np.ndarray:
    """Removes the frequencies that every `factor`-th sample alone could not represent.

    A symmetric FIR filter (Hamming window, 20 * factor + 1 taps, gain 1 at frequency 0), centred,
    so that nothing is delayed. It passes up to 0.31 of the new rate and stops from 0.49 on. The
    ends are continued by point reflection, which keeps constants and ramps exact. Ours.

    Args:
        values: (times, ...) at a fixed rate, at least 2 times.
        factor: How many samples will become one; 1 filters nothing.

    Returns:
        float64 (times, ...) at the same times.
    """
    values = np.asarray(values, dtype=np.float64)
    if factor == 1:
        return values
    side = _TAPS_EACH_SIDE * factor
    taps = signal.firwin(2 * side + 1, _CUTOFF / factor, window="hamming")
    widths = [(side, side)] + [(0, 0)] * (values.ndim - 1)
    padded = np.pad(values, widths, mode="reflect", reflect_type="odd")
    kernel = taps.reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray(signal.oaconvolve(padded, kernel, "valid", axes=0))


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
        float32 (new samples, 3) in the same unit, and the notes of `sort_stamps` and
        "gaps_bridged" (a gap over 0.1 s) where they apply.

    Raises:
        UserError: The stamps cannot be sorted, there are not 2 of them, a gap is too long, or there
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


def bridge_frames(values: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, int]:
    """Fills missing frames: linear in time between neighbours, held at both ends.

    Args:
        values: float64 (frames, ...); what stands in a missing frame does not matter.
        missing: bool (frames,); at least one frame is not missing.

    Returns:
        The values with every frame filled, and the length of the longest run that was missing.
    """
    if not missing.any():
        return values, 0
    known = np.flatnonzero(~missing)
    place = np.interp(np.arange(len(values)), known, np.arange(len(known)))
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(known) - 1)
    part = (place - below).reshape(-1, *[1] * (values.ndim - 1))
    kept = values[known]
    filled = kept[below] * (1 - part) + kept[above] * part
    filled[known] = kept
    edges = np.concatenate([[-1], known, [len(values)]])
    return filled, int(np.diff(edges).max()) - 1


_NEIGHBOURS = 3
_RIGID_METRES = 0.1  # standard deviation of the distance up to which a marker may guide another
_LONGEST_ALONE_SECONDS = 0.1
_ROUNDING_SECONDS = 1e-6
_RIGIDITY_FRAMES = 400  # enough to judge rigidity; all of 480 a second are not needed


def fill_lost_markers(
    stamps_seconds: np.ndarray, markers: np.ndarray, longest_gap_seconds: float
) -> np.ndarray | None:
    """Fills each gap of a marker from the three markers that keep the steadiest distance to it.

    Within a gap, the marker's offset from the mean of its neighbours goes straight from the
    value before to the value after; at the clip's ends it stays. A neighbour must be seen during
    the whole gap. Without one, the position itself goes straight, for at most 0.1 s. Ours;
    gaps made in a real jumping clip came back within (median, mean over the gap) 11 mm for 0.5 s
    and 14 mm for 1 s, a straight line in space within 121 and 182 mm.

    Args:
        stamps_seconds: (frames,) ascending.
        markers: (frames, markers, 3) in metres, NaN where lost.
        longest_gap_seconds: A marker may be lost for this long.

    Returns:
        (frames, markers, 3) in metres without NaN; None if a gap cannot be filled.
    """
    lost = np.isnan(markers).any(axis=2)
    if lost.all(axis=0).any():
        return None
    filled = markers.copy()
    wander = _distance_deviation(markers)
    frames = len(markers)
    for marker in np.flatnonzero(lost.any(axis=0)):
        edges = np.flatnonzero(np.diff(lost[:, marker], prepend=False, append=False))
        candidates = np.argsort(wander[marker], kind="stable")
        candidates = candidates[wander[marker, candidates] <= _RIGID_METRES]
        for start, end in edges.reshape(-1, 2):
            before, after = max(start - 1, 0), min(end, frames - 1)
            seconds = stamps_seconds[after] - stamps_seconds[before]
            span = slice(before, after + 1)
            guides = candidates[~lost[span, candidates].any(axis=0)][:_NEIGHBOURS]
            limit = longest_gap_seconds
            if not len(guides):
                limit = min(limit, _LONGEST_ALONE_SECONDS)
            if seconds > limit + _ROUNDING_SECONDS:
                return None
            guide = markers[span][:, guides].mean(axis=1) if len(guides) else 0.0
            offset = markers[span, marker] - guide
            known = ~np.isnan(offset[:, 0])
            times = stamps_seconds[span]
            for axis in range(3):
                offset[:, axis] = np.interp(times, times[known], offset[known, axis])
            filled[start:end, marker] = (guide + offset)[start - before : end - before]
    return filled


def _distance_deviation(markers: np.ndarray) -> np.ndarray:
    """Returns (markers, markers): how the distance of two varies, inf for itself or unseen."""
    some = markers[:: max(1, len(markers) // _RIGIDITY_FRAMES)]
    distance = np.linalg.norm(some[:, :, None] - some[:, None], axis=3)
    seen = ~np.isnan(distance)
    count = np.maximum(seen.sum(axis=0), 1)
    mean = np.where(seen, distance, 0.0).sum(axis=0) / count
    variance = np.where(seen, distance - mean, 0.0)
    deviation = np.sqrt((variance**2).sum(axis=0) / count)
    deviation[seen.sum(axis=0) < 2] = np.inf
    np.fill_diagonal(deviation, np.inf)
    return np.asarray(deviation)
