"""The accelerometer of one recording: read as its row of the manifest says, checked, cut."""

import re
from dataclasses import dataclass

import numpy as np

from data_prep.clip import STANDARD_GRAVITY
from data_prep.errors import UserError
from data_prep.formats.tables import read_columns
from data_prep.formats.text_tables import (
    TEXT_SUFFIXES,
    TextTable,
    decoded_lines,
    parsed_number,
    read_text_table,
)
from data_prep.loaders.custom.logger_formats import LOGGER_FORMATS
from data_prep.loaders.custom.manifest import CustomClip
from data_prep.signals import clock_seconds, resample_stamps, sort_stamps, stamp_seconds

G_PER_UNIT = {"g": 1.0, "mg": 1e-3, "m/s^2": 1.0 / STANDARD_GRAVITY}
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
            clip: The row of the manifest.
            suffix: Of the file.
            name: The file and the row of the manifest, for errors.

        Returns:
            The recording.

        Raises:
            UserError: The file is damaged or differs from the manifest.
        """
        samples = _read_samples(content, clip, suffix, name)
        values = samples.values * (clip.accelerometer_scale or G_PER_UNIT[clip.accelerometer_unit])
        flags = samples.flags
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            flags = tuple(dict.fromkeys((*flags, "rows_dropped")))
        at_zero = ~values.any(axis=1)
        if at_zero.any():  # a lost sample: even in free fall a sensor has its noise
            flags = (*flags, "zeros_bridged")
            finite &= ~at_zero
        if finite.sum() < 2:
            rule = "A recording needs at least 2 samples"
            raise UserError(rule, f"{finite.sum()} finite ones", name)
        _check_values(values[finite], clip, name)
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
        first = samples.stamps.min()
        # Counted from the first one, a double holds a nanosecond.
        seconds, values, notes = sort_stamps(samples.stamps[finite] - first, values[finite], name)
        self = cls(seconds, values, None, flags + notes, name)
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
            return single(values[inside]), tuple(flags)
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


@dataclass(frozen=True, eq=False)
class _Samples:
    """What a file holds.

    Args:
        values: float64 (samples, 3) in the unit of the file.
        stamps: float64 (samples,) in seconds, None if the samples are evenly spaced.
        rate_hz: The rate that the lines above the table tell, None if they do not.
        flags: Notes.
    """

    values: np.ndarray
    stamps: np.ndarray | None
    rate_hz: float | None
    flags: tuple[str, ...]


def _read_samples(content: bytes, clip: CustomClip, suffix: str, name: str) -> _Samples:
    columns = list(clip.accelerometer_columns)
    stamp_column = clip.accelerometer_stamp_column
    if stamp_column and not columns:
        rule = "A file with stamps needs accelerometer_columns, such as 1;2;3"
        raise UserError(rule, "none", name)
    if suffix in TEXT_SUFFIXES:
        return _read_text(content, clip, columns, name)
    for field in ("accelerometer_rows", "accelerometer_skip_rows"):
        if getattr(clip, field):
            raise UserError(f"{field} goes with a text file alone", suffix, name)
    if clip.accelerometer_stamp_unit in ("iso", "clock"):
        unit = clip.accelerometer_stamp_unit
        raise UserError("Stamps of an array must be numbers", unit, name)
    bare = [column.removeprefix("-") for column in columns]
    chosen = [*bare, stamp_column] if stamp_column else bare
    table = read_columns(content, suffix, name, chosen, clip.accelerometer_key)
    _check_count(table.shape[1] - bool(stamp_column), name)
    stamps = None
    if stamp_column:
        stamps = table[:, 3] * _SECONDS_PER_UNIT[clip.accelerometer_stamp_unit]
    return _Samples(table[:, :3] * _signs(columns, bare), stamps, None, ())


def _read_text(content: bytes, clip: CustomClip, columns: list[str], name: str) -> _Samples:
    table = read_text_table(content, name, clip.accelerometer_skip_rows)
    _check_start_row(table)
    flags = ("rows_dropped",) if table.is_cut and not clip.accelerometer_part else ()
    table = table.filtered(clip.accelerometer_rows)
    if clip.accelerometer_part:
        first, last = clip.accelerometer_part
        table = table.part(range(first, last + 1))
    header = table.header or ()
    bare = [column if column in header else column.removeprefix("-") for column in columns]
    indices = table.indices(bare) if bare else table.all_columns()
    _check_count(len(indices), name)
    _check_named_units([header[index] for index in indices] if header else [], clip, name)
    values = table.numbers(indices) * _signs(columns, bare)
    rate_hz = _stated_rate_hz(content, clip, name)
    if not clip.accelerometer_stamp_column:
        return _Samples(values, None, rate_hz, flags)
    (stamp_index,) = table.indices([clip.accelerometer_stamp_column])
    if stamp_index in indices:
        rule = "accelerometer_stamp_column must not be one of accelerometer_columns"
        raise UserError(rule, clip.accelerometer_stamp_column, name)
    unit = clip.accelerometer_stamp_unit
    if unit not in ("iso", "clock"):
        stamps = _numeric_stamps(table, stamp_index) * _SECONDS_PER_UNIT[unit]
        return _Samples(values, stamps, rate_hz, flags)
    texts = table.texts(stamp_index)
    moments = clock_seconds(texts) if unit == "clock" else [stamp_seconds(text) for text in texts]
    for text, line, moment in zip(texts, table.lines, moments, strict=True):
        if moment is None:
            form = "2022-08-04T11:24:02.384" if unit == "iso" else "11:24:02.384"
            raise UserError(f"A stamp must be like {form}", f"{text[:40]!r} in line {line}", name)
    return _Samples(values, np.array(moments, dtype=np.float64), rate_hz, flags)


def _numeric_stamps(table: TextTable, column: int) -> np.ndarray:
    """Returns float64 (rows,) in the unit of the file; whole numbers count from the first one.

    As doubles, nanoseconds since 1970 would be off by up to 128.
    """
    texts = table.texts(column)
    if all(text.isdecimal() for text in texts):
        first = int(texts[0])
        return np.array([int(text) - first for text in texts], dtype=np.float64)
    return table.numbers([column])[:, 0]


def _signs(columns: list[str], bare: list[str]) -> np.ndarray:
    return np.array([1.0 if one == other else -1.0 for one, other in zip(columns, bare, strict=True)
                     ] or [1.0] * 3)  # fmt: skip


def _check_count(count: int, name: str) -> None:
    if count != 3:
        rule = "A file of other than 3 columns needs accelerometer_columns, such as 1;2;3"
        raise UserError(rule, f"{count} columns", name)


_NAMED_UNIT = re.compile(r".*[(\[] *([^)\]]+?) *[)\]]")
_UNITS_BY_NAME = {
    "g": "g",
    "mg": "mg",
    **dict.fromkeys(("m/s^2", "m/s2", "m/s²", "m/s/s", "ms-2"), "m/s^2"),
    **dict.fromkeys(("deg/s", "°/s", "dps", "rad/s", "ut", "µt"), "of another sensor"),
}


def _check_named_units(names: list[str], clip: CustomClip, name: str) -> None:
    """Refuses columns whose names tell another unit, such as that of a gyroscope."""
    for column in names:
        match = _NAMED_UNIT.fullmatch(column)
        unit = _UNITS_BY_NAME.get(match[1].lower()) if match else None
        if unit is not None and clip.accelerometer_unit not in (unit, "lsb"):
            rule = f"The columns must be an acceleration in {clip.accelerometer_unit}"
            raise UserError(rule, column, name)


_LEAST_EPOCH_SECONDS = 1e8  # 1973


def _check_start_row(table: TextTable) -> None:
    """Refuses a first row that is the start of the recording, as Empatica E4 writes it."""
    cells = table.rows[0]
    start = parsed_number(cells[0])
    are_equal = len(cells) == 3 and len({cell.strip() for cell in cells}) == 1
    if table.header is None and are_equal and (start or 0.0) > _LEAST_EPOCH_SECONDS:
        rule = "The first row must be a sample, unless accelerometer_format is empatica_e4"
        raise UserError(rule, f"the stamp {cells[0]} in each column", table.name)


def _stated_rate_hz(content: bytes, clip: CustomClip, name: str) -> float | None:
    if not clip.accelerometer_format or not LOGGER_FORMATS[clip.accelerometer_format].rate_pattern:
        return None
    lines = decoded_lines(content, name)[: clip.accelerometer_skip_rows]
    pattern = LOGGER_FORMATS[clip.accelerometer_format].rate_pattern
    found = re.search(pattern, "\n".join(lines), re.IGNORECASE)
    rate_hz = parsed_number(found[1]) if found else None
    if rate_hz and rate_hz > 0:
        return rate_hz
    if clip.accelerometer_rate_hz or clip.accelerometer_stamp_column:
        return None
    rule = f"The lines above the table of {clip.accelerometer_format} must tell the rate"
    raise UserError(rule, "none", name)


_RANGE_MARGIN = 1.05  # the sensor's own scale and offset


def _check_values(values: np.ndarray, clip: CustomClip, name: str) -> None:
    """Refuses values that this sensor cannot have measured.

    Args:
        values: (samples, 3) in g, finite.
        clip: The row of the manifest.
        name: The file and the row of the manifest, for errors.
    """
    if (values == values[:, :1]).all():
        raise UserError("The three axes must differ", "the same in every sample", name)
    largest = float(np.abs(values).max())
    limit = clip.accelerometer_range_g
    if limit is not None and largest > limit * _RANGE_MARGIN:
        rule = f"The accelerometer must stay within its range of {limit:g} g"
        raise UserError(rule, f"{largest:.3g} g", name)


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
