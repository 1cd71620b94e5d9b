"""Tables of numbers in .csv, .txt, .npy, .npz and .mat files.

`read_columns` reads the tables of users, in any of these formats, with or without a header;
`read_number_table` the strict text files of the public data sets.
"""

import io
from collections.abc import Sequence

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.mat import read_mat_array

TABLE_SUFFIXES = (".csv", ".txt", ".npy", ".npz", ".mat")
_EMPTY = {"", "na", "n/a", "null", "none"}  # besides "nan", which is a number
_DELIMITERS = ",;\t"


def read_columns(
    content: bytes, suffix: str, name: str, columns: Sequence[str] = (), key: str = ""
) -> np.ndarray:
    """Returns columns of a table as numbers.

    A text file has one row a line with fields separated by commas, semicolons or tabs, decimal
    points, at most one header line, and comment lines ("# ...") above it. An empty field is NaN.

    Args:
        content: The file's bytes.
        suffix: The format, one of `TABLE_SUFFIXES`.
        name: The file's name, for errors.
        columns: Names of the header, or indices from 0 (a whole number is an index); all columns
            if empty.
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
    return np.asarray(loaded)


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
    except ValueError:  # an empty field, or one that is not a number: read cell by cell
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
    return not any(
        parsed_number(field) is not None or field.strip().lower() in _EMPTY for field in fields
    )


def _number(fields: list[str], column: int, row: int, name: str) -> float:
    field = fields[column].strip()
    if field.lower() in _EMPTY:
        return np.nan
    number = parsed_number(field)
    if number is None:
        received = f"{field[:40]!r} in line {row}, column {column}"
        raise UserError("A recording must hold numbers", received, name)
    return number


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


def parsed_number(text: str) -> float | None:
    """Returns the number in a cell, which may be NaN or infinite; None if the text is none."""
    try:
        # Python takes 1_000 for a number; no logger writes it.
        return None if "_" in text else float(text)
    except ValueError:
        return None


def read_number_table(content: bytes, columns: int, name: str) -> np.ndarray:
    """Returns the numbers of a text file, separated by white space.

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
