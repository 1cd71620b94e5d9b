"""A sensor and a camera that stamp with one clock: both streams over the time they share.

`common_time` finds from when to when, `even_pair` resamples both to it, so that first sample and
first frame coincide, and last and last ("end_to_end").
"""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.errors import UserError
from data_prep.signals import resample_stamps

_SHORTEST_SECONDS = 0.5
_ROUNDING = 1e-4  # of a period: epoch seconds hold 0.24 microseconds


@dataclass(frozen=True, eq=False)
class StampedStream:
    """A stream of one clip.

    Args:
        stamps: float64 (samples,) ascending without duplicates, seconds; see `sort_stamps`.
        values: (samples, ...) of any unit.
        rate_hz: The rate to bring it to; whole, if there is another stream.
        longest_gap_seconds: Neighbouring stamps may be this far apart.
        name: The file, for errors.
    """

    stamps: np.ndarray
    values: np.ndarray
    rate_hz: float
    longest_gap_seconds: float
    name: str

    def even(self, start: float, end: float) -> tuple[np.ndarray, float]:
        """Returns float32 (new samples, ...) from start to end, and the longest gap in seconds."""
        even, longest = resample_stamps(
            self.stamps, self.values, self.rate_hz, self.longest_gap_seconds, start, end, self.name
        )
        return even.astype(np.float32), longest


@dataclass(frozen=True, eq=False)
class EvenPair:
    """Both streams at their rates.

    Args:
        sensor: float32 (samples, ...).
        skeleton: float32 (frames, ...), or None.
        start: Time of the first sample and the first frame, seconds.
        end: Time of the last sample and the last frame, seconds.
        longest_gap_seconds: Of the sensor's stamps.
    """

    sensor: np.ndarray
    skeleton: np.ndarray | None
    start: float
    end: float
    longest_gap_seconds: float


def even_pair(sensor: StampedStream, skeleton: StampedStream | None) -> EvenPair:
    """Cuts both streams to their common time and resamples them.

    Args:
        sensor: The worn sensor.
        skeleton: The camera's; None leaves the sensor its whole time.

    Raises:
        UserError: The streams share less than 0.5 s, or a gap is too long.
    """
    period, other = 1.0 / sensor.rate_hz, sensor
    if skeleton is not None:
        period, other = 1.0 / math.gcd(int(sensor.rate_hz), int(skeleton.rate_hz)), skeleton
    # Either may be the shorter one.
    names = f"{sensor.name} and {other.name}"
    start, end = common_time(sensor.stamps, other.stamps, period, _SHORTEST_SECONDS, names)
    samples, longest = sensor.even(start, end)
    frames = None if skeleton is None else skeleton.even(start, end)[0]
    return EvenPair(samples, frames, start, end, longest)


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
