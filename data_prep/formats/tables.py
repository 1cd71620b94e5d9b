"""Tables of numbers in text files."""

import csv
import io
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.mat import read_mat_array
from data_prep.signals import stamp_seconds

TABLE_SUFFIXES = (".csv", ".txt", ".npy", ".npz", ".mat")
_EMPTY = {"", "na", "n/a", "null", "none"}  # besides "nan", which is a number
_DELIMITERS = ",;\t"


def read_columns(
    content: bytes, suffix: str, name: str, columns: Sequence[str] = (), key: str = ""
) -> np.ndarray:
    """Returns columns of a table as numbers.

    A text file has one row a line, its fields divided by commas, semicolons or tabs, a decimal
    point, at most one header line, and comments only before it, after "#". An empty field is NaN.

    Args:
        content: The file's bytes.
        suffix: The format, one of `TABLE_SUFFIXES`.
        name: The file's name, for errors.
        columns: Names of the header or indices from 0 (a whole number always is an index); none
            for all columns.
        key: Which array of an .npz or .mat file; an .npz file of one array needs none.

    Returns:
        float64 (rows, columns). An array of more than 2 axes is (rows, all other axes).

    Raises:
        UserError: The file is damaged, holds no such column or something that is not a number.
    """
    if suffix in (".csv", ".txt"):
        return _read_text(content, name, columns)
    if suffix == ".mat":
        if not key:
            raise UserError("A .mat file needs a key, the name of its variable", "none", name)
        values = read_mat_array(content, key, name)
    else:
        values = _read_numpy(content, name, key, suffix == ".npz")
    if values.ndim < 2:
        raise UserError("An array must have at least 2 axes", f"shape {values.shape}", name)
    values = values.reshape(len(values), int(np.prod(values.shape[1:])))
    if columns:
        values = values[:, _indices(columns, None, values.shape[1], name)]
    return values.astype(np.float64)


def _read_numpy(content: bytes, name: str, key: str, is_archive: bool) -> np.ndarray:
    kind = ".npz" if is_archive else ".npy"
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        if is_archive:
            keys = sorted(loaded.files)
            key = keys[0] if not key and len(keys) == 1 else key
            if key not in keys:
                raise KeyError(f"{key or 'no key'}, where the file holds {', '.join(keys)}")
            loaded = loaded[key]
        kinds = loaded.dtype.kind
    except KeyError as error:
        raise UserError("An .npz file needs the key of one of its arrays", error, name) from error
    except Exception as error:
        # A damaged file can raise nearly anything: ValueError, EOFError, BadZipFile, zlib.error,
        # SyntaxError, TypeError, MemoryError, AttributeError (an .npz called .npy), ...
        received = f"{type(error).__name__}: {error}"
        raise UserError(f"A {kind} file must be readable by numpy", received, name) from error
    if kinds not in "fiu":
        raise UserError(f"A {kind} file must hold real numbers", loaded.dtype, name)
    return loaded


def _read_text(content: bytes, name: str, columns: Sequence[str]) -> np.ndarray:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError("A text file must be in UTF-8", error, name) from error
    # Only these ends of line: str.splitlines would also split at a form feed.
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace('"', "").split("\n")
    first = next((row for row, line in enumerate(lines) if line and line[0] != "#"), len(lines))
    rows = [(row, line) for row, line in enumerate(lines[first:], first + 1) if line.strip()]
    if not rows:
        raise UserError("A recording must hold numbers", "an empty file", name)
    delimiter = max(_DELIMITERS, key=rows[0][1].count)
    fields = rows[0][1].split(delimiter)
    header = [field.strip() for field in fields] if _is_header(fields) else None
    rows = rows[1:] if header else rows
    if not rows:
        raise UserError("A recording must hold numbers", "a header alone", name)
    for row, line in rows:
        if line.count(delimiter) != len(fields) - 1:
            rule = f"Each row must have {len(fields)} fields, as the first one"
            raise UserError(rule, f"{line.count(delimiter) + 1} in line {row}", name)
    chosen = _indices(columns, header, len(fields), name) if columns else list(range(len(fields)))
    try:
        return np.loadtxt(
            [line for _, line in rows],
            delimiter=delimiter,
            usecols=chosen,
            comments=None,
            ndmin=2,
        )
    except ValueError:  # an empty field, or one that is not a number; told apart slowly
        return np.array(
            [
                [_number(line.split(delimiter), column, row, name) for column in chosen]
                for row, line in rows
            ]
        )


def _is_header(fields: list[str]) -> bool:
    # pandas numbers the columns of a table without names 0, 1, 2, ..., its index is "".
    names = fields[1:] if fields[0] == "" else fields
    if len(names) > 1 and names == [str(column) for column in range(len(names))]:
        return True
    return not any(_is_number(field) or field.strip().lower() in _EMPTY for field in fields)


def _is_number(field: str) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return "_" not in field  # Python's own way to group digits


def _number(fields: list[str], column: int, row: int, name: str) -> float:
    field = fields[column].strip()
    if field.lower() in _EMPTY:
        return np.nan
    if not _is_number(field):
        received = f"{field[:40]!r} in line {row}, column {column}"
        raise UserError("A recording must hold numbers", received, name)
    return float(field)


def _indices(columns: Sequence[str], header: list[str] | None, count: int, name: str) -> list[int]:
    indices = []
    for column in columns:
        if column.isdecimal() and int(column) < count:
            indices.append(int(column))
        elif header is not None and column in header:
            if header.count(column) > 1:
                raise UserError("A column chosen by name must come once", column, name)
            indices.append(header.index(column))
        else:
            known = ", ".join(header or [])[:200] or f"no header and {count} columns"
            raise UserError(
                "A chosen column must be in the file", f"{column}; it has {known}", name
            )
    if len(set(indices)) < len(indices):
        raise UserError("A column must be chosen once", ", ".join(columns)[:200], name)
    return indices


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


def read_number_table(content: bytes, columns: int, name: str) -> np.ndarray:
    """Returns the numbers of a text file, parted by white space.

    Args:
        content: The file's bytes. The last line must end with a line break, because a file cut
            within its last number would otherwise pass with a wrong one.
        columns: How many numbers each row must hold.
        name: The file's name, for errors.

    Returns:
        float64 (rows, columns), all finite.

    Raises:
        UserError: The file is empty, cut, ragged, or holds anything but finite numbers.
    """
    if not content.strip():
        raise UserError("A recording must hold samples", "an empty file", name)
    if not content.endswith((b"\n", b"\r")):
        raise UserError("A text file must end with a whole line", "a cut one", name)
    try:
        table = np.loadtxt(io.BytesIO(content), ndmin=2, comments=None, encoding="latin1")
    except (ValueError, OverflowError) as error:
        raise UserError("A recording must hold rows of numbers", error, name) from error
    if table.shape[1] != columns:
        raise UserError(f"A row must hold {columns} numbers", table.shape[1], name)
    if not np.isfinite(table).all():
        row = int(np.flatnonzero(~np.isfinite(table).all(axis=1))[0])
        raise UserError("A recording must hold finite numbers", f"others in row {row}", name)
    return table


def whole_lines(content: bytes) -> tuple[list[str], bool]:
    """Returns the lines of a text file that are not blank, without a last one that may be cut.

    A number that was cut is still a number ("-0.12" of "-0.12e-3"), so a last line without its
    line break is not trusted.

    Args:
        content: The file's bytes, in UTF-8; bytes that are not become U+FFFD, which is no number.

    Returns:
        The lines, and whether a last one was left out.
    """
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    *lines, last = text.split("\n")
    return [line for line in lines if line.strip()], bool(last.strip())


_LARGEST_SHARE_DROPPED = 0.1  # ours: more unusable rows than this make a file bad


def read_sensor_csv(
    content: bytes, name: str, num_columns: int, largest: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns the usable rows of a csv file with or without a header.

    A row is unusable if it has another number of columns, if its first cell is no time stamp, or
    if one of its last three is no finite number up to `largest` (a stamp that slipped into a
    value column is far above it), or if it is a last line without its line break.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        num_columns: Columns of a row: the stamp first, x, y and z last.
        largest: The largest magnitude on one axis that counts as a measurement.

    Returns:
        The stamps, float64 (samples,) in seconds, in the order of the rows; the values, float64
        (samples, 3) in the unit of the file; the number of rows dropped.

    Raises:
        UserError: The file is empty, its columns are others, more than a tenth of its rows are
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
    stamps, values, first_dropped = [], [], ""
    for cells, line in zip(rows, lines[len(lines) - len(rows) :], strict=True):
        stamp = stamp_seconds(cells[0]) if len(cells) == num_columns else None
        axes = [_cell_number(cell) for cell in cells[-3:]]
        if stamp is None or any(abs(value) > largest for value in axes):
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


def _cell_number(cell: str) -> float:
    """Returns the cell's number; infinity, which is above every limit, if it is none."""
    try:
        value = math.inf if "_" in cell else float(cell)  # Python's own 1_000 is no measurement
    except ValueError:
        return math.inf
    return value if math.isfinite(value) else math.inf


def _is_sensor_header(cells: list[str]) -> bool:
    return all(cell[:1].isalpha() and _cell_number(cell) == math.inf for cell in cells) and not any(
        cell.lower() in ("nan", "inf") for cell in cells
    )


def _check_sensor_header(cells: list[str], num_columns: int, name: str) -> None:
    names = [cell.lower() for cell in cells]
    if len(names) != num_columns or names[-3:] != ["x", "y", "z"]:
        rule = f"A header must name {num_columns} columns: the time first, x, y and z last"
        raise UserError(rule, ",".join(cells)[:80], name)
