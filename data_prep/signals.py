"""Signals in time: stamps, resampling, gaps and lost markers.

Recordings come with jittery, doubled or unsorted time stamps and with gaps; a prepared stream has
a fixed rate and no gap. The functions stand in the order in which a stream passes them: stamps to
seconds, sorted, resampled behind an anti-aliasing filter. Two fill what a camera lost: frames of a
skeleton and single markers.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy import signal

from data_prep.errors import UserError

_NUMBER = re.compile(r"\d+(\.\d*)?(e\+?\d+)?", re.IGNORECASE)
_COLON_FRACTION = re.compile(r"(?<=:\d\d):(\d{3})$")
_CLOCK = re.compile(r"(\d{1,2}):(\d\d):(\d\d(?:[.,]\d*)?)")
# 1973 to 5138 in either unit; the ranges do not touch, so that the unit is never a guess.
_SECONDS = (1e8, 1e11)
_MILLISECONDS = (1e11, 1e14)


def stamp_seconds(text: str) -> float | None:
    """Returns a time stamp in seconds since 1970, or None if the text is none.

    Args:
        text: ISO 8601 with any sign between date and time and with or without a fraction
            ("2022-08-04 11:24:02.384", "20181016_13:37:28", also ":384" as GENEActiv writes it),
            or a number of seconds or milliseconds since 1970. Without a zone it counts as UTC:
            only differences matter.
    """
    text = _COLON_FRACTION.sub(r".\1", text.strip())
    if _NUMBER.fullmatch(text):
        value = float(text)
        if _SECONDS[0] <= value < _SECONDS[1]:
            return value
        return value / 1000 if _MILLISECONDS[0] <= value < _MILLISECONDS[1] else None
    try:
        stamp = datetime.fromisoformat(text)
        seconds = (stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return seconds if math.isfinite(seconds) else None


def clock_seconds(texts: Sequence[str]) -> list[float | None]:
    """Returns the seconds of clock times since the first one's midnight, None where there is none.

    A step back by more than half a day is midnight.

    Args:
        texts: "h:mm:ss" with or without a fraction (".384", ",384" or ":384").
    """
    seconds: list[float | None] = []
    days, before = 0, 0.0
    for text in texts:
        match = _CLOCK.fullmatch(_COLON_FRACTION.sub(r".\1", text.strip()))
        if match is None or int(match[1]) > 23 or int(match[2]) > 59:
            seconds.append(None)
            continue
        moment = 3600.0 * int(match[1]) + 60.0 * int(match[2]) + float(match[3].replace(",", "."))
        if before - moment > _HALF_DAY_SECONDS:
            days += 1
        elif moment - before > _HALF_DAY_SECONDS and days:  # late by a few samples
            seconds.append(moment + _HALF_DAY_SECONDS * 2 * (days - 1))
            continue
        before = moment
        seconds.append(moment + _HALF_DAY_SECONDS * 2 * days)
    return seconds


_HALF_DAY_SECONDS = 43_200.0
_MOST_STEPS_BACK = 0.25  # of all steps; shuffled stamps step back half of the time
_FEW_SAMPLES = 10  # ours; up to here samples are out of order, beyond it the clock was set back


def order_of_stamps(
    stamps_seconds: np.ndarray, path: str | Path | None = None
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the order that sorts samples by their stamps; equal stamps keep their order.

    Args:
        stamps_seconds: (samples,) finite.
        path: The file, for errors.

    Returns:
        int64 (samples,) indices, and the note "stamps_sorted" where a stamp steps back.

    Raises:
        UserError: More than a quarter of the stamps step back, or the clock does: more than 10
            samples after a step lie before more than 10 samples before it. Sorting would mix two
            stretches of time.
    """
    stamps = np.asarray(stamps_seconds, dtype=np.float64)
    steps = np.flatnonzero(np.diff(stamps) < 0) + 1
    if not len(steps):
        return np.arange(len(stamps)), ()
    if len(steps) > _MOST_STEPS_BACK * len(stamps):
        rule = f"At most {_MOST_STEPS_BACK:.0%} of the time stamps may step back"
        raise UserError(rule, f"{len(steps)} of {len(stamps)}", path)
    for step in steps:
        before = stamps[max(0, step - _FEW_SAMPLES - 1) : step]
        after = stamps[step : step + _FEW_SAMPLES + 1]
        if min(len(before), len(after)) > _FEW_SAMPLES and (
            before.min() > stamps[step] and after.max() < stamps[step - 1]
        ):
            rule = f"The clock may not step back over more than {_FEW_SAMPLES} samples"
            received = f"from {stamps[step - 1]:.6g} to {stamps[step]:.6g} s at sample {step}"
            raise UserError(rule, received, path)
    return np.argsort(stamps, kind="stable"), ("stamps_sorted",)


def sort_stamps(
    stamps_seconds: np.ndarray, values: np.ndarray, path: str | Path | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Sorts samples by their stamps, so that each sample has a stamp of its own.

    Samples that share a stamp become their mean, as long as these are few. Where a quarter or
    more share one, the stamps are coarser than the rate, and `respace_coarse_stamps` spreads them.

    Args:
        stamps_seconds: (samples,) finite.
        values: (samples, ...) of any unit.
        path: The file, for errors.

    Returns:
        Ascending float64 (new samples,), float64 (new samples, ...), and the notes
        "stamps_sorted", "duplicates_merged" and "stamps_respaced" where they apply.

    Raises:
        UserError: The stamps cannot be sorted (`order_of_stamps`) or are too coarse to be spread.
    """
    stamps = np.asarray(stamps_seconds, dtype=np.float64)
    values = np.asarray(values, dtype=np.float64)
    order, flags = order_of_stamps(stamps, path)
    stamps, values = stamps[order], values[order]
    first = np.flatnonzero(np.diff(stamps, prepend=-np.inf) > 0)
    if len(first) == len(stamps):
        return stamps, values, flags
    counts = np.diff(first, append=len(stamps))
    means = np.add.reduceat(values, first, axis=0) / counts.reshape(-1, *[1] * (values.ndim - 1))
    are_copies = np.array_equal(np.repeat(values[first], counts, axis=0), values)
    if len(first) > _MOST_DISTINCT * len(stamps) or len(stamps) < _FEW_SAMPLES or are_copies:
        return stamps[first], means, (*flags, "duplicates_merged")
    return respace_coarse_stamps(stamps, path), values, (*flags, "stamps_respaced")


_MOST_DISTINCT = 0.75  # of all stamps; with more of them, single samples came twice
_SAMPLES_OFF = 1.5  # a stamp cut off at its last digit is up to one sample late


def respace_coarse_stamps(stamps_seconds: np.ndarray, path: str | Path | None = None) -> np.ndarray:
    """Spreads samples that share stamps evenly, where their numbers fit one rate (ours).

    Args:
        stamps_seconds: (samples,) ascending, some equal; the samples of one stamp are in the
            order in which they were measured.
        path: The file, for errors.

    Returns:
        float64 (samples,) ascending without duplicates.

    Raises:
        UserError: There are fewer than 3 different stamps, or the samples between two stamps are
            more or fewer than one rate gives: some were lost, or the rate changed.
    """
    stamps = np.asarray(stamps_seconds, dtype=np.float64)
    first = np.flatnonzero(np.diff(stamps, prepend=-np.inf) > 0)
    if len(first) < 4:
        raise UserError("Time stamps must differ", f"{len(first)} of {len(stamps)} do", path)
    # The first stamp may have begun before the recording: its samples say nothing about the rate.
    seconds, counts = np.diff(stamps[first])[1:], np.diff(first)[1:]
    period = float(seconds.sum() / counts.sum())
    even: np.ndarray = stamps[first[1]] + period * (np.arange(len(stamps)) - first[1])
    samples_off = np.abs(seconds / period - counts)
    if np.abs(even[first] - stamps[first])[1:].max() > _SAMPLES_OFF * period:
        # A slow drift is kept: each stamp stands, and the samples up to the next are spread.
        even[first[1] : first[-1]] = np.interp(
            np.arange(first[1], first[-1]), first[1:], stamps[first[1:]]
        )
        even[first[-1] :] += stamps[first[-1]] - even[first[-1]]
    else:
        samples_off[:] = 0.0
    if samples_off.max() > _SAMPLES_OFF or stamps[0] - even[0] > _SAMPLES_OFF * period:
        worst = int(samples_off.argmax())
        received = (
            f"{counts[worst]} samples in {seconds[worst]:.3g} s at sample {first[worst + 1]}, "
            f"where {1 / period:.4g} come in a second"
        )
        raise UserError("Stamps that samples share must fit one rate", received, path)
    return even


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
