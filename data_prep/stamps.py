"""Time stamps: from text to seconds, in order, and one for each sample.

`stamp_seconds` and `clock_seconds` read what loggers write; `order_of_stamps` and `sort_stamps`
bring samples in order; `respace_coarse_stamps` spreads samples that share stamps.
"""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

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
