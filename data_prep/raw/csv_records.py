"""Reading a hand-written CSV table whose first row names the columns."""

import csv
import io
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from data_prep.user_error import UserError


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
            raise self.error(rule, value or "an empty cell")
        return value

    def number(self, column: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        """Returns a finite number from `low` to `high`, or None for an empty cell."""
        text = self.cells[column]
        if not text:
            return None
        try:
            value = math.nan if "_" in text else float(text)  # Python's own way to group digits
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
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
        required: Columns it must have.
        optional: Columns it may have besides; others are errors, because a misspelt column would
            else be left out in silence.

    Returns:
        The rows that are not blank, and the errors of rows with another number of cells.

    Raises:
        UserError: The file is missing, no table, or its header breaks a rule.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError("A table must be readable", error.strerror, path) from error
    except UnicodeDecodeError as error:
        raise UserError("A table must be in UTF-8", error, path) from error
    first = text.split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    stream = io.StringIO(text, newline="")
    reader = csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=True)
    rows = []
    try:
        for cells in reader:
            rows.append((reader.line_num, [cell.strip() for cell in cells]))
    except csv.Error as error:
        place = f"{path}, row {reader.line_num}"
        raise UserError("A table must be valid CSV", error, place) from error
    header = rows[0][1] if rows else []
    _check_header(header, required, optional, path)
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


def _check_header(
    header: list[str], required: Collection[str], optional: Collection[str], path: Path
) -> None:
    place = f"{path}, row 1"
    missing = [column for column in required if column not in header]
    if missing:
        rule = f"The columns {', '.join(required)} must be there"
        raise UserError(rule, f"no {', '.join(missing)}", place)
    unknown = [column for column in header if column not in required and column not in optional]
    if unknown:
        known = ", ".join((*required, *optional))
        received = ", ".join(name or "an empty name" for name in unknown)
        raise UserError(f"A column must be one of {known}", received, place)
    double = sorted({column for column in header if header.count(column) > 1})
    if double:
        raise UserError("Each column must come once", ", ".join(double), place)
