"""Reading the accelerometer of a user's own recording."""

from dataclasses import dataclass

import numpy as np

from data_prep.loaders.custom.clip import CustomClip
from data_prep.raw.read_columns import read_columns
from data_prep.signals.resample_stamps import resample_stamps
from data_prep.signals.sort_stamps import sort_stamps
from data_prep.user_error import UserError

_G_PER_UNIT = {"g": 1.0, "mg": 1e-3, "m/s^2": 1.0 / 9.80665}
_SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_STAMP_RATES_HZ = (2.0, 5000.0)  # stamps in a wrong unit are off by 1000
_MARGIN_SECONDS = 1.0  # read beyond a clip's ends, for the filter
_BRIDGED_SECONDS = 0.1  # a longer gap is noted
_SATURATED_SAMPLES = 3
_SATURATED_G = 1.9  # the smallest range of common sensors is 2 g


@dataclass(frozen=True, eq=False)
class CustomAccelerometer:
    """A whole recording as it was made.

    Args:
        seconds: float64 (samples,) ascending, from the first row of the file.
        values: float64 (samples, 3) in g, finite.
        even_rate_hz: The stated rate if the samples are evenly spaced, None if they are not.
        flags: Notes: "stamps_sorted", "duplicates_merged", "rows_dropped".
        name: The file and the row of the manifest, for errors.
    """

    seconds: np.ndarray
    values: np.ndarray
    even_rate_hz: float | None
    flags: tuple[str, ...]
    name: str

    @property
    def typical_rate_hz(self) -> float:
        """One by the median time from sample to sample."""
        return 1.0 / float(np.median(np.diff(self.seconds)))

    @classmethod
    def read(
        cls, content: bytes, clip: CustomClip, suffix: str, name: str
    ) -> "CustomAccelerometer":
        """Reads a recording: unit converted, stamps sorted, samples that are not finite dropped.

        Args:
            content: The file's bytes.
            clip: What the manifest says about it.
            suffix: Of the file.
            name: The file and the row of the manifest, for errors.

        Returns:
            The recording.

        Raises:
            UserError: The file is damaged or is not what the manifest says.
        """
        table = _read_table(content, clip, suffix, name)
        values = table[:, :3] * (clip.accelerometer_scale or _G_PER_UNIT[clip.accelerometer_unit])
        finite = np.isfinite(values).all(axis=1)
        if finite.sum() < 2:
            rule = "A recording needs at least 2 samples"
            raise UserError(rule, f"{finite.sum()} finite ones", name)
        flags = () if finite.all() else ("rows_dropped",)
        if not clip.accelerometer_stamp_column:
            seconds = np.arange(len(values)) / clip.accelerometer_rate_hz
            even_rate_hz = clip.accelerometer_rate_hz if finite.all() else None
            return cls(seconds[finite], values[finite], even_rate_hz, flags, name)
        stamps = table[:, 3] * _SECONDS_PER_UNIT[clip.accelerometer_stamp_unit]
        if not np.isfinite(stamps).all():
            sample = int(np.flatnonzero(~np.isfinite(stamps))[0])
            raise UserError("Time stamps must be finite", f"not so in sample {sample}", name)
        seconds, values, notes = sort_stamps(stamps[finite], values[finite], name)
        self = cls(seconds - stamps.min(), values, None, flags + notes, name)
        self._check_stamps(clip)
        return self

    def cut(
        self, start: float, end: float, rate_hz: float, longest_gap_seconds: float
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Returns a part of the recording at a fixed rate.

        Args:
            start: Seconds, within the recording.
            end: Seconds, within the recording.
            rate_hz: The rate to return.
            longest_gap_seconds: Neighbouring samples in this part may be this far apart.

        Returns:
            float32 (samples, 3) in g, and notes.

        Raises:
            UserError: A gap is too long, or fewer than 2 samples are left.
        """
        # The part, one sample beyond it and some more for the filter: what lies further away, a
        # gap or a wrong stamp, does not spoil it.
        margins = [start - _MARGIN_SECONDS, start, end, end + _MARGIN_SECONDS]
        far, before, after, farther = np.searchsorted(self.seconds, margins)
        part = slice(max(0, min(far, before - 1)), max(farther, after + 1))
        seconds, values = self.seconds[part], self.values[part]
        inside = (seconds >= start - 1e-6) & (seconds <= end + 1e-6)
        if inside.sum() < 2:
            rule = "A clip needs at least 2 samples of the accelerometer"
            raise UserError(rule, int(inside.sum()), self.name)
        flags = list(self.flags)
        if _is_saturated(values[inside]):
            flags.append("accelerometer_saturated")
        if self.even_rate_hz == rate_hz:
            return _single(values[inside]), tuple(flags)
        gaps = np.diff(seconds)
        within = (seconds[1:] > start) & (seconds[:-1] < end)
        longest = float(gaps[within].max())
        if longest > longest_gap_seconds:
            rule = f"Neighbouring samples must be at most {longest_gap_seconds:g} s apart"
            place = float(seconds[:-1][within][gaps[within].argmax()])
            raise UserError(rule, f"{longest:.3g} s after {place:.3f} s", self.name)
        if longest > max(_BRIDGED_SECONDS, 2.5 / self.typical_rate_hz):
            flags.append("gaps_bridged")
        start, end = max(start, float(seconds[0])), min(end, float(seconds[-1]))
        values, _ = resample_stamps(seconds, values, rate_hz, np.inf, start, end, self.name)
        return _single(values), tuple(flags)

    def _check_stamps(self, clip: CustomClip) -> None:
        if len(self.seconds) < 2:
            raise UserError("Time stamps must differ", "the same in all samples", self.name)
        span = float(self.seconds[-1] - self.seconds[0])
        rates = (self.typical_rate_hz, (len(self.seconds) - 1) / span)
        received = f"{len(self.seconds)} stamps over {span:.6g} s"
        low, high = _STAMP_RATES_HZ
        if not any(low <= rate <= high for rate in rates):
            rule = f"Stamps must come at {low:g} to {high:g} a second; is their unit right"
            raise UserError(rule, received, self.name)
        stated = clip.accelerometer_rate_hz
        if stated and not any(stated / 2 < rate < stated * 2 for rate in rates):
            rule = f"Stamps must come at about the stated {stated:g} a second; is their unit right"
            raise UserError(rule, received, self.name)


def _read_table(content: bytes, clip: CustomClip, suffix: str, name: str) -> np.ndarray:
    """Returns float64 (samples, 3 axes and, where there are stamps, the stamp)."""
    columns = list(clip.accelerometer_columns)
    if clip.accelerometer_stamp_column:
        if not columns:
            rule = "A file with stamps needs accelerometer_columns, such as 1;2;3"
            raise UserError(rule, "none", name)
        columns.append(clip.accelerometer_stamp_column)
    table = read_columns(content, suffix, name, columns, clip.accelerometer_key)
    if not columns and table.shape[1] != 3:
        rule = "A file of other than 3 columns needs accelerometer_columns, such as 1;2;3"
        raise UserError(rule, f"{table.shape[1]} columns", name)
    return table


def _single(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which check_clip names
        return values.astype(np.float32)


def _is_saturated(values: np.ndarray) -> bool:
    """Returns whether an axis stays at its own largest or smallest value; ours.

    Args:
        values: (samples, 3) in g.
    """
    for axis in values.T:
        for extreme in (axis.max(), axis.min()):
            runs = np.convolve(axis == extreme, np.ones(_SATURATED_SAMPLES))
            if abs(extreme) > _SATURATED_G and runs.max() >= _SATURATED_SAMPLES:
                return True
    return False
