"""Time for samples whose stamps tell when they were delivered, not when they were taken."""

import numpy as np

from data_prep.signals.sort_stamps import sort_stamps
from data_prep.user_error import UserError

_RATE_FACTOR = 2.0  # the few files looked at hold about 35 to 52 samples a second at "32 Hz"
_BURST_SECONDS = 0.1


def respace_stamps(
    stamps: np.ndarray,
    values: np.ndarray,
    nominal_rate_hz: float,
    longest_gap_seconds: float,
    name: str,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Spreads samples evenly over the time in which they were delivered (ours).

    Watch and phone hand over what they buffered: half a second without a sample, then ten with
    nearly the same stamp. To interpolate between such stamps would stretch one half second and
    tear the next, so the order counts and the single stamp does not. A gap that no burst makes up
    for shows as a stamp far from its even place.

    Args:
        stamps: float64 (samples,), seconds, in any order, at least 2. Samples that share one keep
            their order and are not merged: a burst has one stamp.
        values: float64 (samples, 3).
        nominal_rate_hz: The rate that the device promises.
        longest_gap_seconds: How far a stamp may lie from its even place.
        name: The file's name, for errors.

    Returns:
        The even stamps, float64 (samples,), seconds from 0; the values in the order of their
        stamps; and notes: "stamps_sorted", "stamps_bursty" where a stamp was moved by more than
        0.1 s, "stamps_compressed" where a clip was handed over faster than it can have been taken
        (over twice the nominal rate), so that the nominal rate replaces its stamps.

    Raises:
        UserError: Too many stamps step back, there are too few samples for the time (under half
            the nominal rate), or a stamp lies too far from its even place.
    """
    _, _, notes = sort_stamps(stamps, values, name)
    flags = tuple(note for note in notes if note == "stamps_sorted")
    order = np.argsort(stamps, kind="stable")
    stamps, values = stamps[order], values[order]
    span = float(stamps[-1] - stamps[0])
    steps = len(stamps) - 1
    if steps > _RATE_FACTOR * nominal_rate_hz * span:
        return np.arange(len(stamps)) / nominal_rate_hz, values, (*flags, "stamps_compressed")
    even = np.linspace(0.0, span, len(stamps))
    moved = float(np.abs(stamps - stamps[0] - even).max())
    if moved > longest_gap_seconds:
        rule = f"A gap between samples must be bridgeable (at most {longest_gap_seconds:g} s)"
        raise UserError(rule, f"a stamp {moved:.2f} s from its even place", name)
    if steps < nominal_rate_hz / _RATE_FACTOR * span:
        rule = f"A clip needs at least {nominal_rate_hz / _RATE_FACTOR:g} samples a second"
        raise UserError(rule, f"{steps / span:.3g}", name)
    return even, values, (*flags, "stamps_bursty") if moved > _BURST_SECONDS else flags
