"""Rows of CSV files, each row checked on its own.

`read_csv_records` reads the tables that a user writes (manifest, annotations, labels): every
mistake becomes an error that names its row. `read_sensor_csv` reads the files that a sensor's
logger writes: unusable rows are dropped and counted.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.csv_cells import cell_text
from data_prep.errors import UserError
from data_prep.formats.text_tables import did_you_mean, parsed_number
from data_prep.stamps import stamp_seconds


@dataclass(frozen=True)
class CsvRecord:
    """One row of a table.

    Args:
        place: Where it is ("manifest.csv, row 3"; the header is row 1), for errors.
        cells: Column -> text, without white space around it; "" where the column is absent.
    """

    place: str
    cells: Mapping[str, str]

    def error(self, rule: str, received: object) -> UserError:
        """Returns the error about this row."""
        return UserError(rule, received, self.place)

    def text(self, column: str) -> str:
        """Returns a cell that must not be empty."""
        if not self.cells[column]:
            raise self.error(f"{column} must not be empty", "an empty cell")
        return self.cells[column]

    def choice(self, column: str, known: Collection[str], default: str = "") -> str:
        """Returns a cell that must be one of the known words, or `default` for an empty one."""
        value = self.cells[column] or default
        if value not in known:
            rule = f"{column} must be one of {', '.join(filter(None, known))}"
            meant = did_you_mean(value, tuple(known))
            raise self.error(rule, f"{value}{meant}" if value else "an empty cell")
        return value

    def number(self, column: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """Returns a finite number from `low` to `high`, or None for an empty cell."""
        text = self.cells[column]
        if not text:
            return None
        value = parsed_number(text)
        if value is None or not math.isfinite(value):
            raise self.error(f"{column} must be a number", text)
        if not low <= value <= high:
            raise self.error(f"{column} must be {low:g} to {high:g}", text)
        return value


def read_csv_records(
    path: str | Path, required: Collection[str], optional: Collection[str]
) -> tuple[list[CsvRecord], list[UserError]]:
    """Reads a table with commas, or semicolons as some spreadsheets write them.

    Args:
        path: The file, in UTF-8.
        required: Columns it must have; "a or b" for one of two.
        optional: Further columns it may have. Any other column is an error, because a misspelt
            one would otherwise be ignored.

    Returns:
        The rows that are not blank, and the errors of rows with another number of cells.

    Raises:
        UserError: The file is missing, no table, or its header breaks a rule.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError("A table must be readable", error.strerror, path) from error
    return csv_records(content, required, optional, path)


def csv_records(
    content: bytes, required: Collection[str], optional: Collection[str], path: str | Path
) -> tuple[list[CsvRecord], list[UserError]]:
    """Returns the rows of a table that was read; otherwise as `read_csv_records`.

    Args:
        content: The file's bytes.
        required: Columns it must have.
        optional: Further columns it may have.
        path: The file, for errors.
    """
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UserError("A table must be in UTF-8", error, path) from error
    delimiter = table_separator(text)
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=True)
    rows = []
    try:
        for cells in reader:
            rows.append((reader.line_num, [cell_text(cell.strip()) for cell in cells]))
    except csv.Error as error:
        place = f"{path}, row {reader.line_num}"
        raise UserError("A table must be valid CSV", error, place) from error
    header = rows[0][1] if rows else []
    _check_header(header, required, optional, path)
    required = [column for entry in required for column in entry.split(" or ")]
    empty = dict.fromkeys((*required, *optional), "")
    records, errors = [], []
    for line, cells in rows[1:]:
        record = CsvRecord(f"{path}, row {line}", empty | dict(zip(header, cells, strict=False)))
        if not any(cells):
            continue
        odd = next((cell for cell in cells if cell and not cell.isprintable()), None)
        if len(cells) != len(header):
            errors.append(record.error(f"Each row must have {len(header)} cells", len(cells)))
        elif odd is not None:
            errors.append(record.error("A cell must hold printable text", repr(odd)))
        else:
            records.append(record)
    if not records and not errors:
        raise UserError("A table needs at least one row below its header", "none", path)
    return records, errors


def table_separator(text: str) -> str:
    """Returns what separates a table's cells, by its header: a comma or a semicolon."""
    first = text.split("\n", 1)[0]
    return ";" if first.count(";") > first.count(",") else ","


def _check_header(
    header: list[str], required: Collection[str], optional: Collection[str], path: str | Path
) -> None:
    place = f"{path}, row 1"
    missing = [entry for entry in required if not set(entry.split(" or ")) & set(header)]
    if missing:
        rule = f"The columns {', '.join(required)} must be there"
        meant = "".join(did_you_mean(column, header) for column in missing)
        raise UserError(rule, f"no {', '.join(missing)}{meant}", place)
    required = [column for entry in required for column in entry.split(" or ")]
    unknown = [column for column in header if column not in required and column not in optional]
    if unknown:
        known = ", ".join((*required, *optional))
        received = ", ".join(
            f"{name}{did_you_mean(name, (*required, *optional))}" if name else "an empty name"
            for name in unknown
        )
        raise UserError(f"A column must be one of {known}", received, place)
    double = sorted({column for column in header if header.count(column) > 1})
    if double:
        raise UserError("Each column must come once", ", ".join(double), place)


_LONGEST_ELAPSED_SECONDS = 1e6
_LARGEST_SHARE_DROPPED = 0.1  # ours: more unusable rows than this make a file bad


def read_sensor_csv(
    content: bytes, name: str, num_columns: int, largest: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns the usable rows of a csv file with or without a header.

    The stamps are the first column of which nearly all rows are stamps and differ: a date, an
    epoch in s or ms, or seconds since the start. A spreadsheet that rounded the epoch leaves it to
    the next column.

    A row is unusable if it has another number of columns, if its stamp is none, or
    if one of its last three is no finite number up to `largest` (a stamp that slipped into a
    value column is far above it) or all three are 0, or if it is a last line without its line
    break.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        num_columns: Columns of a row: the stamp first, x, y and z last.
        largest: The largest magnitude on one axis that counts as a measurement.

    Returns:
        The stamps, float64 (samples,) in seconds, in the order of the rows; the values, float64
        (samples, 3) in the unit of the file; the number of rows dropped.

    Raises:
        UserError: The file is empty or has other columns, more than a tenth of its rows are
            unusable, or fewer than 2 are usable.
    """
    lines, is_cut = whole_lines(content)
    if not lines:
        received = "a cut line" if is_cut else "an empty file"
        raise UserError("A sensor file must hold samples", received, name)
    rows = [[cell.strip().strip('"') for cell in line.split(",")] for line in lines]
    if _is_sensor_header(rows[0]):
        _check_sensor_header(rows.pop(0), num_columns, name)
    other = [len(cells) for cells in rows if len(cells) != num_columns]
    if 2 * len(other) > len(rows):
        rule = f"A row must hold {num_columns} columns: a stamp first, x, y and z last"
        raise UserError(rule, f"{max(set(other), key=other.count)} columns", name)
    column, parse = _stamp_column([cells for cells in rows if len(cells) == num_columns], name)
    stamps, values, first_dropped = [], [], ""
    for cells, line in zip(rows, lines[len(lines) - len(rows) :], strict=True):
        stamp = parse(cells[column]) if len(cells) == num_columns else None
        axes = [_cell_number(cell) for cell in cells[-3:]]
        # Exact zeros are a lost sample: even in free fall a sensor has its noise.
        if stamp is None or not any(axes) or any(abs(value) > largest for value in axes):
            first_dropped = first_dropped or line[:60]
            continue
        stamps.append(stamp)
        values.append(axes)
    dropped = len(rows) - len(stamps)
    if dropped > _LARGEST_SHARE_DROPPED * len(rows):
        rule = f"At most {_LARGEST_SHARE_DROPPED:.0%} of the rows may be unusable"
        received = f"{dropped} of {len(rows)}, the first {first_dropped!r}"
        raise UserError(rule, received, name)
    if len(stamps) < 2:
        raise UserError("A sensor file needs at least 2 rows", len(stamps), name)
    return np.array(stamps), np.array(values), dropped + is_cut


_DISTINCT = 0.1  # of the stamps: a watch delivers ten samples and more in one burst


def _stamp_column(rows: list[list[str]], name: str) -> tuple[int, Callable[[str], float | None]]:
    """Returns the first column whose stamps tell the samples apart, and how to read it.

    Where none has a tenth of different ones, it is the one with the most.
    """
    found, reasons = [], []
    if not rows:
        return 0, stamp_seconds
    for column in range(len(rows[0]) - 3):
        for parse in (stamp_seconds, _elapsed_seconds):
            stamps = [parse(cells[column]) for cells in rows]
            known = [stamp for stamp in stamps if stamp is not None]
            if 2 * len(known) < len(rows):  # a tenth too many is another error, with their number
                continue
            distinct = len(set(known))
            found.append((min(distinct, _DISTINCT * len(known)), column, parse))
            reasons.append(f"column {column} has {distinct} different stamps")
            break
        else:
            reasons.append(f"column {column} has none, but {rows[0][column][:30]!r}")
    if found:
        most, column, parse = max(found, key=lambda entry: entry[0])
        if most > 1 or len({cells[column] for cells in rows}) > 1 or len(rows) == 1:
            return column, parse
    rule = "One column must hold time stamps that tell the samples apart"
    raise UserError(rule, "; ".join(reasons) or "no column", name)


def _elapsed_seconds(cell: str) -> float | None:
    value = parsed_number(cell)
    return value if value is not None and 0 <= value < _LONGEST_ELAPSED_SECONDS else None


def _cell_number(cell: str) -> float:
    """Returns the cell's number; infinity, which is above every limit, if it is none."""
    value = parsed_number(cell)
    return value if value is not None and math.isfinite(value) else math.inf


def _is_sensor_header(cells: list[str]) -> bool:
    return all(cell[:1].isalpha() and _cell_number(cell) == math.inf for cell in cells) and not any(
        cell.lower() in ("nan", "inf") for cell in cells
    )


_AXIS = re.compile(r"(?:acc(?:el\w*)?[ _-]*)?([xyz])(?:[ _-]*axis)?(?: *[(\[](.*)[)\]])?")
_UNITS_OF_ACCELERATION = (None, "g", "m/s^2", "m/s2", "m/s²")


def _check_sensor_header(cells: list[str], num_columns: int, name: str) -> None:
    axes = [_AXIS.fullmatch(cell.lower()) for cell in cells[-3:]]
    if len(cells) != num_columns or [axis and axis[1] for axis in axes] != ["x", "y", "z"]:
        rule = f"A header must name {num_columns} columns: the time first, x, y and z last"
        raise UserError(rule, ",".join(cells)[:80], name)
    if any(axis and axis[2] not in _UNITS_OF_ACCELERATION for axis in axes):
        rule = "The last three columns must be an acceleration in g or m/s^2"
        raise UserError(rule, ",".join(cells[-3:])[:80], name)


def whole_lines(content: bytes) -> tuple[list[str], bool]:
    """Returns the lines of a text file that are not blank, without a last one that may be cut.

    A number that is cut off is still a number ("-0.12" of "-0.12e-3"), so a last line without its
    line break is left out.

    Args:
        content: The file's bytes, in UTF-8; bytes that are not become U+FFFD, which is no number.

    Returns:
        The lines, and whether a last one was left out.
    """
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    *lines, last = text.split("\n")
    return [line for line in lines if line.strip()], bool(last.strip())
