"""The accelerometer of one recording: checked, in g, and cut at a fixed rate."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from data_prep.clip import STANDARD_GRAVITY, check_range
from data_prep.errors import UserError
from data_prep.loaders.custom.manifest_row import TURN_RATE_UNITS, CustomClip
from data_prep.loaders.custom.raw_samples import RawSamples, read_raw_samples
from data_prep.sample_notes import has_jump, has_repeated_sample, has_spike, is_disordered
from data_prep.signals import resample_stamps
from data_prep.stamps import sort_stamps

G_PER_UNIT = {"g": 1.0, "mg": 1e-3, "m/s^2": 1.0 / STANDARD_GRAVITY}
_STAMP_RATES_HZ = (2.0, 5000.0)  # stamps in a wrong unit are off by 1000
_MARGIN_SECONDS = 1.0  # read beyond a clip's ends, for the filter
_BRIDGED_SECONDS = 0.1  # a longer gap is noted
_GAP_STEPS = 2.5
_MOST_STEPS, _REGULAR = 90, 0.1  # per cent of the steps; how far they are off the median
_LEAST_VARIANCE = 0.02  # g^2; a sensor at rest has none but its noise
_SATURATED_SAMPLES = 3
_SATURATED_G = 1.9  # the smallest range of common sensors is 2 g


@dataclass(frozen=True, eq=False)
class CustomAccelerometer:
    """A whole recording as it was made.

    Args:
        seconds: float64 (samples,) ascending, from the first row of the file.
        values: float64 (samples, 3) in g, or (samples, 6) with turn rates in degrees per second
            behind the acceleration; finite.
        even_rate_hz: The stated rate if the samples are evenly spaced, None if they are not.
        flags: Notes: "stamps_sorted", "duplicates_merged", "rows_dropped".
        name: The file and the row of the manifest, for errors.
        first_stamp: The first sample on the logger's clock, in seconds; None without stamps.
    """

    seconds: np.ndarray
    values: np.ndarray
    even_rate_hz: float | None
    flags: tuple[str, ...]
    name: str
    first_stamp: float | None = None

    @property
    def typical_rate_hz(self) -> float:
        """One by the median time from sample to sample."""
        return 1.0 / float(np.median(np.diff(self.seconds)))

    def gaps(self, start: float, end: float) -> tuple[tuple[float, float], ...]:
        """Returns the stretches without samples, longer than two and a half typical steps.

        Args:
            start: Start of a clip, in seconds from the first row of the file.
            end: Its end.

        Returns:
            Start and end of each, in seconds from the clip's start. The length is ours.
        """
        return tuple(
            (float(max(low - start, 0.0)), float(min(high, end) - start))
            for low, high in self._gaps
            if high > start and low < end
        )

    @cached_property
    def _gaps(self) -> np.ndarray:
        """`(gaps, 2)` the last sample before and the first one after each, once for all clips."""
        steps = np.diff(self.seconds)
        wide = np.flatnonzero(steps > _GAP_STEPS * np.median(steps))
        return np.stack([self.seconds[wide], self.seconds[wide + 1]], axis=1)

    @cached_property
    def _noted_gap_seconds(self) -> float:
        """One sample is missed where stamps are regular, else 0.1 s or two and a half steps."""
        steps = np.diff(self.seconds)
        usual = float(np.median(steps))
        if np.percentile(np.abs(steps / usual - 1), _MOST_STEPS) < _REGULAR:
            return 1.5 * usual
        return max(_BRIDGED_SECONDS, _GAP_STEPS * usual)

    @classmethod
    def read(
        cls, content: bytes, clip: CustomClip, suffix: str, name: str
    ) -> "CustomAccelerometer":
        """Reads a recording: unit converted, stamps sorted, samples that are not finite dropped.

        Args:
            content: The file's bytes.
            clip: The row of the manifest.
            suffix: Of the file.
            name: The file and the row of the manifest, for errors.

        Returns:
            The recording.

        Raises:
            UserError: The file is damaged or differs from the manifest.
        """
        return cls.of(read_raw_samples(content, clip, suffix, name), clip, name)

    @classmethod
    def of(cls, samples: RawSamples, clip: CustomClip, name: str) -> "CustomAccelerometer":
        """Makes a recording of the samples of a file, as `read` does.

        Args:
            samples: All that the file holds.
            clip: The row of the manifest; with an `accelerometer_part` only these samples count.
            name: The file and the row of the manifest, for errors.
        """
        first, last = clip.accelerometer_part or (0, len(samples.values) - 1)
        flags = ("rows_dropped",) if samples.is_cut and not clip.accelerometer_part else ()
        samples = samples.part(first, last, name)
        values = samples.values * _units(clip)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            flags = tuple(dict.fromkeys((*flags, "rows_dropped")))
        at_zero = ~values[:, :3].any(axis=1)
        if at_zero.any():  # a lost sample: even in free fall a sensor has its noise
            flags = (*flags, "zeros_bridged")
            finite &= ~at_zero
        if finite.sum() < 2:
            rule = "A recording needs at least 2 samples"
            raise UserError(rule, f"{finite.sum()} finite ones", name)
        _check_values(values[finite, :3], clip, name)
        if samples.stamps is None:
            rate_hz = clip.accelerometer_rate_hz or samples.rate_hz
            if rate_hz is None:
                raise UserError("A recording without stamps needs a rate", "none", name)
            seconds = np.arange(len(values)) / rate_hz
            return cls(
                seconds[finite], values[finite], rate_hz if finite.all() else None, flags, name
            )
        if not np.isfinite(samples.stamps).all():
            sample = int(np.flatnonzero(~np.isfinite(samples.stamps))[0])
            raise UserError("Time stamps must be finite", f"not so in sample {sample}", name)
        earliest = samples.stamps.min()
        # Counted from the first one, a double holds a nanosecond.
        seconds, values, notes = sort_stamps(
            samples.stamps[finite] - earliest, values[finite], name
        )
        first_stamp = samples.zero_seconds + float(earliest)
        self = cls(seconds, values, None, flags + notes, name, first_stamp)
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
            float32 (samples, axes) in the units of `values`, and notes.

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
        if _is_saturated(values[inside, :3]):
            flags.append("accelerometer_saturated")
        if has_spike(values[inside]):
            flags.append("accelerometer_spikes")
        if is_disordered(values[inside], _LEAST_VARIANCE):
            flags.append("samples_disordered")
        if has_repeated_sample(values[inside]):
            flags.append("samples_repeated")
        if has_jump(values[inside]) and np.diff(seconds[inside]).max() <= self._noted_gap_seconds:
            flags.append("accelerometer_jumps")
        if self.even_rate_hz == rate_hz:
            return single(values[inside]), tuple(flags)
        gaps = np.diff(seconds)
        within = (seconds[1:] > start) & (seconds[:-1] < end)
        longest = float(gaps[within].max())
        if longest > longest_gap_seconds:
            rule = f"Neighbouring samples must be at most {longest_gap_seconds:g} s apart"
            place = float(seconds[:-1][within][gaps[within].argmax()])
            raise UserError(rule, f"{longest:.3g} s after {place:.3f} s", self.name)
        if longest > self._noted_gap_seconds:
            flags.append("gaps_bridged")
        start, end = max(start, float(seconds[0])), min(end, float(seconds[-1]))
        values, _ = resample_stamps(seconds, values, rate_hz, np.inf, start, end, self.name)
        return single(values), tuple(flags)

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


def _units(clip: CustomClip) -> np.ndarray:
    """Returns (axes,) what g, and degrees per second, are in the units of the file."""
    units = [clip.accelerometer_scale or G_PER_UNIT[clip.accelerometer_unit]] * 3
    if clip.gyroscope_columns:
        units += [TURN_RATE_UNITS[clip.gyroscope_unit]] * 3
    return np.array(units)


_COUNTS = 2**15


def _check_values(values: np.ndarray, clip: CustomClip, name: str) -> None:
    """Refuses values that this sensor cannot have measured.

    Args:
        values: (samples, 3) in g, finite.
        clip: The row of the manifest.
        name: The file and the row of the manifest, for errors.
    """
    if (values == values[:, :1]).all():
        raise UserError("The three axes must differ", "the same in every sample", name)
    check_range(values, clip.accelerometer_range_g, name)
    if clip.accelerometer_scale is not None:  # counts of 16 bits, the widest converters in use
        check_range(values, _COUNTS * clip.accelerometer_scale, name)


def single(values: np.ndarray) -> np.ndarray:
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
