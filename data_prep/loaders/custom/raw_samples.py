"""The samples of an accelerometer's file, as the cells of a manifest choose them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.plain_tables import PlainTable, read_plain_table
from data_prep.formats.tables import read_columns
from data_prep.formats.text_tables import (
    TEXT_SUFFIXES,
    TextTable,
    decoded_lines,
    parsed_number,
    read_text_table,
)
from data_prep.loaders.custom.logger_formats import LOGGER_FORMATS
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.stamps import clock_seconds, stamp_seconds

SECONDS_PER_UNIT = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, eq=False)
class RawSamples:
    """What a file holds, before units and order are looked at.

    Args:
        values: float64 (samples, 3) in the unit of the file, or (samples, 6) with a gyroscope's
            turn rates behind the acceleration; NaN where a cell is empty.
        stamps: float64 (samples,) in seconds, None if the samples are evenly spaced.
        zero_seconds: From where the stamps count, on the file's clock.
        rate_hz: The rate that the lines above the table tell, None if they do not.
        is_cut: Whether a last line that may be cut was left out.
        errors: Row -> what is wrong with it, where a table serves many clips.
    """

    values: np.ndarray
    stamps: np.ndarray | None
    zero_seconds: float = 0.0
    rate_hz: float | None = None
    is_cut: bool = False
    errors: Mapping[int, UserError] = field(default_factory=dict)

    def part(self, first: int, last: int, name: str) -> "RawSamples":
        """Returns the rows from `first` to `last`.

        Raises:
            UserError: One of these rows is wrong; names the file as `name` does.
        """
        wrong = [row for row in self.errors if first <= row <= last]
        if wrong:
            error = self.errors[min(wrong)]
            raise UserError(error.rule, error.received, name)
        rows = slice(first, last + 1)
        stamps = None if self.stamps is None else self.stamps[rows]
        return RawSamples(self.values[rows], stamps, self.zero_seconds, self.rate_hz)


def read_raw_samples(content: bytes, clip: CustomClip, suffix: str, name: str) -> RawSamples:
    """Reads all samples of a file that the cells of the accelerometer choose.

    Args:
        content: The file's bytes.
        clip: The row of the manifest; its `accelerometer_part` is not looked at.
        suffix: Of the file.
        name: The file and the row of the manifest, for errors.

    Returns:
        The samples.

    Raises:
        UserError: The file is damaged or differs from the manifest.
    """
    columns = [*clip.accelerometer_columns, *clip.gyroscope_columns]
    stamp_column = clip.accelerometer_stamp_column
    if stamp_column and not columns:
        rule = "A file with stamps needs accelerometer_columns, such as 1;2;3"
        raise UserError(rule, "none", name)
    if suffix in TEXT_SUFFIXES:
        samples = _read_plain(content, clip, columns, name)
        return samples or _read_text(content, clip, columns, name)
    for field_name in ("accelerometer_rows", "accelerometer_skip_rows"):
        if getattr(clip, field_name):
            raise UserError(f"{field_name} goes with a text file alone", suffix, name)
    if clip.accelerometer_stamp_unit in ("iso", "clock"):
        unit = clip.accelerometer_stamp_unit
        raise UserError("Stamps of an array must be numbers", unit, name)
    bare = [column.removeprefix("-") for column in columns]
    chosen = [*bare, stamp_column] if stamp_column else bare
    table = read_columns(content, suffix, name, chosen, clip.accelerometer_key)
    _check_count(table.shape[1] - bool(stamp_column), clip, name)
    stamps = None
    if stamp_column:
        stamps = table[:, -1] * SECONDS_PER_UNIT[clip.accelerometer_stamp_unit]
    axes = len(columns) or 3
    return RawSamples(table[:, :axes] * _signs(columns, bare), stamps)


def _read_plain(
    content: bytes, clip: CustomClip, columns: list[str], name: str
) -> RawSamples | None:
    """Returns the samples of a table of plain numbers, None where `_read_text` has to look."""
    unit = clip.accelerometer_stamp_unit
    if clip.accelerometer_rows or unit in ("iso", "clock"):
        return None
    table = read_plain_table(content, name, clip.accelerometer_skip_rows)
    if table is None:
        return None
    indices, stamp_index, signs = _chosen(table, clip, columns)
    chosen = indices if stamp_index is None else [*indices, stamp_index]
    if not table.are_numbers(chosen):
        return None
    _check_start_row(table.header, table.first_row, name)
    values = table.numbers(indices) * signs
    stamps, zero = None, 0.0
    if stamp_index is not None:
        # As doubles, nanoseconds since 1970 would be off by up to 128.
        whole = table.whole_numbers(stamp_index)
        stamps = table.numbers([stamp_index])[:, 0] if whole is None else whole - whole[0]
        stamps = stamps * SECONDS_PER_UNIT[unit]
        zero = 0.0 if whole is None else int(whole[0]) * SECONDS_PER_UNIT[unit]
    return RawSamples(values, stamps, zero, _stated_rate_hz(content, clip, name), table.is_cut)


def _read_text(content: bytes, clip: CustomClip, columns: list[str], name: str) -> RawSamples:
    table = read_text_table(content, name, clip.accelerometer_skip_rows)
    is_cut = table.is_cut
    _check_start_row(table.header, table.rows[0], name)
    table = table.filtered(clip.accelerometer_rows)
    indices, stamp_index, signs = _chosen(table, clip, columns)
    values, errors = table.numbers_or_errors(indices)
    values = values * signs
    rate_hz = _stated_rate_hz(content, clip, name)
    if stamp_index is None:
        return RawSamples(values, None, 0.0, rate_hz, is_cut, errors)
    stamps, zero, more = text_stamps(table, stamp_index, clip.accelerometer_stamp_unit)
    return RawSamples(values, stamps, zero, rate_hz, is_cut, more | errors)


def _chosen(
    table: TextTable | PlainTable, clip: CustomClip, columns: list[str]
) -> tuple[list[int], int | None, np.ndarray]:
    """Returns the indices of the axes, that of the stamps, and the signs of the axes."""
    header = table.header or ()
    bare = [column if column in header else column.removeprefix("-") for column in columns]
    indices = table.indices(bare) if bare else table.all_columns()
    _check_count(len(indices), clip, table.name)
    _check_named_units([header[index] for index in indices] if header else [], clip, table.name)
    if not clip.accelerometer_stamp_column:
        return indices, None, _signs(columns, bare)
    (stamp_index,) = table.indices([clip.accelerometer_stamp_column])
    if stamp_index in indices:
        rule = "accelerometer_stamp_column must not be one of accelerometer_columns"
        raise UserError(rule, clip.accelerometer_stamp_column, table.name)
    return indices, stamp_index, _signs(columns, bare)


def text_stamps(
    table: TextTable, column: int, unit: str
) -> tuple[np.ndarray, float, dict[int, UserError]]:
    """Returns the stamps of a text table.

    Args:
        table: The table.
        column: Index of the stamps.
        unit: As `accelerometer_stamp_unit`.

    Returns:
        float64 (rows,) in seconds, from where they count, and the errors of rows whose stamp is
        none.
    """
    if unit not in ("iso", "clock"):
        stamps, first, errors = _numeric_stamps(table, column)
        return stamps * SECONDS_PER_UNIT[unit], first * SECONDS_PER_UNIT[unit], errors
    texts = table.texts(column)
    moments = clock_seconds(texts) if unit == "clock" else [stamp_seconds(text) for text in texts]
    form = "2022-08-04T11:24:02.384" if unit == "iso" else "11:24:02.384"
    errors = {
        row: UserError(
            f"A stamp must be like {form}",
            f"{texts[row][:40]!r} in line {table.lines[row]}",
            table.name,
        )
        for row, moment in enumerate(moments)
        if moment is None
    }
    return np.array(moments, dtype=np.float64), 0.0, errors


def _numeric_stamps(table: TextTable, column: int) -> tuple[np.ndarray, int, dict[int, UserError]]:
    """Returns float64 (rows,) in the unit of the file; whole numbers count from the first one.

    As doubles, nanoseconds since 1970 would be off by up to 128.
    """
    texts = table.texts(column)
    if all(text.isdecimal() for text in texts):
        first = int(texts[0])
        return np.array([int(text) - first for text in texts], dtype=np.float64), first, {}
    values, errors = table.numbers_or_errors([column])
    return values[:, 0], 0, errors


def _signs(columns: list[str], bare: list[str]) -> np.ndarray:
    return np.array([1.0 if one == other else -1.0 for one, other in zip(columns, bare, strict=True)
                     ] or [1.0] * 3)  # fmt: skip


def _check_count(count: int, clip: CustomClip, name: str) -> None:
    if count != 3 + len(clip.gyroscope_columns):
        rule = "A file of other than 3 columns needs accelerometer_columns, such as 1;2;3"
        raise UserError(rule, f"{count} columns", name)


_NAMED_UNIT = re.compile(r".*[(\[] *([^)\]]+?) *[)\]]")
_UNITS_BY_NAME = {
    "g": "g",
    "mg": "mg",
    **dict.fromkeys(("m/s^2", "m/s2", "m/s²", "m/s/s", "ms-2"), "m/s^2"),
    **dict.fromkeys(("deg/s", "°/s", "dps", "rad/s", "ut", "µt"), "of another sensor"),
}

_TURN_RATES_BY_NAME = {**dict.fromkeys(("deg/s", "°/s", "dps"), "deg/s"), "rad/s": "rad/s"}


def named_unit(column: str) -> str | None:
    """Returns the unit of an acceleration that a column's name tells in brackets.

    Args:
        column: Such as "Acceleration x (m/s^2)".

    Returns:
        "g", "mg", "m/s^2", "of another sensor", or None if it tells no known unit.
    """
    match = _NAMED_UNIT.fullmatch(column)
    return _UNITS_BY_NAME.get(match[1].lower()) if match else None


def named_turn_unit(column: str) -> str | None:
    """Returns the unit of a turn rate that a column's name tells in brackets.

    Args:
        column: Such as "Gyroscope x (rad/s)".

    Returns:
        "deg/s", "rad/s", or None if it tells neither.
    """
    match = _NAMED_UNIT.fullmatch(column)
    return _TURN_RATES_BY_NAME.get(match[1].lower()) if match else None


def _check_named_units(names: list[str], clip: CustomClip, name: str) -> None:
    """Refuses columns whose names tell another unit, such as that of a gyroscope."""
    for column in names[3:]:
        if named_turn_unit(column) not in (None, clip.gyroscope_unit):
            rule = f"The columns must be a turn rate in {clip.gyroscope_unit}"
            raise UserError(rule, column, name)
    for column in names[:3]:
        unit = named_unit(column)
        if unit is not None and clip.accelerometer_unit not in (unit, "lsb"):
            rule = f"The columns must be an acceleration in {clip.accelerometer_unit}"
            raise UserError(rule, column, name)


_LEAST_EPOCH_SECONDS = 1e8  # 1973


def _check_start_row(header: list[str] | None, cells: list[str], name: str) -> None:
    """Refuses a first row that is the start of the recording, as Empatica E4 writes it."""
    start = parsed_number(cells[0])
    are_equal = len(cells) == 3 and len({cell.strip() for cell in cells}) == 1
    if header is None and are_equal and (start or 0.0) > _LEAST_EPOCH_SECONDS:
        rule = "The first row must be a sample, unless accelerometer_format is empatica_e4"
        raise UserError(rule, f"the stamp {cells[0]} in each column", name)


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
