"""Text tables as loggers and spreadsheets write them.

`read_text_table` finds the separator, the decimal sign, the header and the unit row; `TextTable`
returns columns as numbers or as text.
"""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from data_prep.errors import UserError

TEXT_SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".log")
_EMPTY = {"", "na", "n/a", "null", "none"}  # besides "nan", which is a number
_COMMENTS = ("#", "%", ";")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+([eE][+-]?\d+)?\s*")
_DECIMAL_POINT = re.compile(r"\s*[+-]?\d*\.\d+([eE][+-]?\d+)?\s*")
_SAMPLE_LINES = 200  # of which separator and decimal sign are told
_MOST_UNIT_ROWS = 2  # Shimmer writes the kind and the unit below the names


@dataclass(frozen=True)
class TextTable:
    """The cells of a text file.

    Args:
        name: The file's name, for errors.
        header: The names of the columns; None without a header.
        rows: The cells of each row, all of the same number.
        lines: The line of each row in the file, from 1.
        is_cut: Whether a last line without its line break was left out: a number that is cut off
            is still a number.
        separator: What stands between cells; a space for any white space.
    """

    name: str
    header: list[str] | None
    rows: list[list[str]]
    lines: list[int]
    is_cut: bool
    separator: str

    @property
    def num_columns(self) -> int:
        """How many cells a row has."""
        return len(self.rows[0])

    def all_columns(self) -> list[int]:
        """Returns the indices of all columns but a first one without a name, which is an index."""
        return value_columns(self.header, self.num_columns)

    def indices(self, columns: Sequence[str]) -> list[int]:
        """Returns the indices of columns given by name or index; raises `UserError`."""
        return column_indices(columns, self.header, self.num_columns, self.name)

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Returns columns as float64 (rows, columns), NaN for an empty cell.

        Raises:
            UserError: A cell holds something else; names its line.
        """
        values, errors = self.numbers_or_errors(columns)
        if errors:
            raise errors[min(errors)]
        return values

    def numbers_or_errors(self, columns: Sequence[int]) -> tuple[np.ndarray, dict[int, UserError]]:
        """Returns columns as `numbers` does, and the errors of rows that hold something else.

        Args:
            columns: Their indices.

        Returns:
            float64 (rows, columns), NaN where a cell is empty or wrong, and row -> error.
        """
        errors: dict[int, UserError] = {}
        try:
            values = [[_plain_float(cells[column]) for column in columns] for cells in self.rows]
        except ValueError:  # an empty cell, or one that is not a number
            values = []
            for row, cells in enumerate(self.rows):
                try:
                    values.append([self._number(cells, column, row) for column in columns])
                except UserError as error:
                    errors[row] = error
                    values.append([np.nan] * len(columns))
        return np.array(values, dtype=np.float64).reshape(len(self.rows), len(columns)), errors

    def texts(self, column: int) -> list[str]:
        """Returns the cells of a column, without white space around them."""
        return [cells[column].strip() for cells in self.rows]

    def where(self, column: str, value: str, is_equal: bool = True) -> "TextTable":
        """Returns the rows of which a column holds a value, or does not.

        Raises:
            UserError: There is no such column, or no such row.
        """
        (index,) = self.indices([column])
        wanted = parsed_number(value)
        cells = self.texts(index)
        kept = [
            row
            for row, cell in enumerate(cells)
            if is_equal == (cell == value or (wanted is not None and parsed_number(cell) == wanted))
        ]
        if not kept:
            found = ", ".join(dict.fromkeys(cells))[:80]
            sign = "" if is_equal else "another than "
            raise UserError(f"A row must hold {sign}{value} in {column}", found, self.name)
        return self.part(kept)

    def filtered(self, conditions: str) -> "TextTable":
        """Returns the rows that meet conditions such as "sensor=ACC;activity!=0"."""
        table = self
        for condition in filter(None, (part.strip() for part in conditions.split(";"))):
            column, _, value = condition.partition("=")
            is_equal = not column.endswith("!")
            table = table.where(column.rstrip("!").strip(), value.strip(), is_equal)
        return table

    def part(self, rows: Sequence[int]) -> "TextTable":
        """Returns some of the rows."""
        return replace(
            self, rows=[self.rows[row] for row in rows], lines=[self.lines[row] for row in rows]
        )

    def _number(self, cells: list[str], column: int, row: int) -> float:
        cell = cells[column].strip()
        if cell.lower() in _EMPTY:
            return np.nan
        number = parsed_number(cell)
        if number is None:
            received = f"{cell[:40]!r} in line {self.lines[row]}, column {column}"
            raise UserError("A recording must hold numbers", received, self.name)
        return number


def decoded_lines(content: bytes, name: str) -> list[str]:
    """Returns the lines of a text file; the last one is empty if the file ends with a whole line.

    Args:
        content: The file's bytes: UTF-8, or UTF-16 with a byte order mark.
        name: The file's name, for errors.

    Raises:
        UserError: The text is in another encoding.
    """
    is_wide = content[:2] in (b"\xff\xfe", b"\xfe\xff")
    try:
        text = content.decode("utf-16" if is_wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError("A text file must be in UTF-8", error, name) from error
    # Only these ends of line: str.splitlines would also split at a form feed.
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def read_text_table(content: bytes, name: str, skip_rows: int = 0) -> TextTable:
    """Reads a table of which each line is a row.

    Cells are separated by tabs, semicolons, commas or white space. With the first two, numbers may
    have a decimal comma. Above the table may stand `skip_rows` lines of any content, comments
    ("#", "%" or ";" first), "sep=;", one header, and below it a row of units. Every line may end
    with a separator. A last line without its line break is left out.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        skip_rows: How many lines to skip first.

    Returns:
        The table, decimal points in its numbers.

    Raises:
        UserError: The file is no such table; names the line.
    """
    *whole, last = decoded_lines(content, name)
    numbered = [(line, text) for line, text in enumerate(whole, 1) if text.strip()]
    numbered = [(line, text) for line, text in numbered if line > skip_rows]
    stated = re.fullmatch(r'"?sep=(.)"?', numbered[0][1].strip("\n ")) if numbered else None
    if stated:
        del numbered[0]
    sample = [text for _, text in numbered[-_SAMPLE_LINES:]]
    # WISDM ends each line with a semicolon and separates by commas.
    ends = sum(text.rstrip().endswith(";") for text in sample)
    if (
        sample
        and ends > 0.9 * len(sample)
        and all(";" not in text.rstrip()[:-1] for text in sample)
    ):
        bare = [(line, text.rstrip().removesuffix(";")) for line, text in numbered]
        numbered = [(line, text) for line, text in bare if text.strip()]
        sample = [text.rstrip().removesuffix(";") for text in sample]
    separator = stated[1] if stated else _separator(sample)
    comments = tuple(sign for sign in _COMMENTS if sign != separator)
    first = next((n for n, (_, text) in enumerate(numbered) if not text.startswith(comments)), None)
    if first is None:
        raise UserError("A recording must hold numbers", "an empty file", name)
    numbered = numbered[first:]
    rows = _cells([text for _, text in numbered], separator, name)
    lines = [line for line, _ in numbered]
    header = [cell.strip() for cell in rows[0]] if is_header(rows[0]) else None
    if header is not None:
        del rows[0], lines[0]
        for _ in range(_MOST_UNIT_ROWS):
            if len(rows) > 1 and len(rows[0]) == len(rows[1]) and _is_text(rows[0]):
                del rows[0], lines[0]
    if not rows:
        raise UserError("A recording must hold numbers", "a header alone", name)
    has_room = header is None or len(header) == len(rows[0]) - 1 or header[-1] == ""
    if has_room and len(rows[0]) > 1 and all(cells[-1].strip() == "" for cells in rows):
        header = header[: len(rows[0]) - 1] if header else None
        rows = [cells[:-1] for cells in rows]
    _check_widths(header, rows, lines, name)
    if separator != ",":
        rows = _with_decimal_points(rows, name)
    return TextTable(name, header, rows, lines, bool(last.strip()), separator)


def _separator(sample: list[str]) -> str:
    """Returns tab, semicolon, comma, or a space for white space."""
    for separator in ("\t", ";"):
        if 2 * sum(separator in text.strip() for text in sample) > len(sample):
            return separator
    if 2 * sum("," in text for text in sample) > len(sample):
        # "0,02 0,98 0,1": the commas are decimal, the cells are separated by white space.
        cells = [cell for text in sample[-5:] for cell in text.split()]
        if len(cells) > len(sample[-5:]) and all(_DECIMAL_COMMA.fullmatch(cell) for cell in cells):
            return " "
        return ","
    return " " if any(len(text.split()) > 1 for text in sample[-5:]) else ","


def _cells(lines: list[str], separator: str, name: str) -> list[list[str]]:
    if separator == " ":
        return [line.split() for line in lines]
    reader = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    rows = []
    try:
        for cells in reader:
            rows.append(cells)
            if reader.line_num != len(rows):
                rule = "A quoted cell must end in its line"
                raise UserError(rule, f"{cells[-1][:40]!r} in row {len(rows)}", name)
    except csv.Error as error:
        raise UserError("A text file must be a table", error, name) from error
    return rows


def _check_widths(
    header: list[str] | None, rows: list[list[str]], lines: list[int], name: str
) -> None:
    width = len(header or rows[0])
    wrong = [(line, len(cells)) for line, cells in zip(lines, rows, strict=True)
             if len(cells) != width]  # fmt: skip
    if not wrong:
        return
    line, count = wrong[0]
    if header is not None and count == 2 * width and len(wrong) == len(rows):
        rule = "Decimal commas need cells separated by semicolons or tabs"
        raise UserError(rule, f"{count} numbers for {width} names in line {line}", name)
    rule = f"Each row must have {width} fields, as the first one"
    usual, times = Counter(count for _, count in wrong).most_common(1)[0]
    if times > 3 and 2 * times > len(rows) and usual > 1:
        start = next(line for line, count in wrong if count == usual)
        rule += f" (the table seems to begin in line {start}: skip {start - 1} rows)"
    raise UserError(rule, f"{count} in line {line}", name)


def _with_decimal_points(rows: list[list[str]], name: str) -> list[list[str]]:
    sample = [cell for cells in rows[:_SAMPLE_LINES] for cell in cells]
    commas = next((cell for cell in sample if _DECIMAL_COMMA.fullmatch(cell)), None)
    if commas is None and not any("," in cell for cells in rows for cell in cells):
        return rows
    points = next(
        (cell for cells in rows for cell in cells if _DECIMAL_POINT.fullmatch(cell)), None
    )
    if points is not None:
        commas = commas or next(cell for cells in rows for cell in cells if "," in cell)
        if _DECIMAL_COMMA.fullmatch(commas):
            rule = "A file must have decimal points or decimal commas"
            raise UserError(rule, f"{points.strip()} and {commas.strip()}", name)
        return rows
    return [
        [cell.replace(",", ".") if _DECIMAL_COMMA.fullmatch(cell) else cell for cell in cells]
        for cells in rows
    ]


def has_decimal_commas(content: bytes, separator: str) -> bool:
    """Returns whether the last cells of a text with this separator have decimal commas.

    Args:
        content: Whole lines in UTF-8.
        separator: Of the cells.
    """
    lines = content.decode("utf-8", errors="replace").splitlines()[-_SAMPLE_LINES:]
    cells = [cell for line in lines for cell in line.split(separator)]
    return separator != "," and any(_DECIMAL_COMMA.fullmatch(cell) for cell in cells)


def value_columns(header: Sequence[str] | None, count: int) -> list[int]:
    """Returns the indices of all columns but a first one without a name, which is an index.

    Args:
        header: The names of all columns; None without a header.
        count: How many columns there are.
    """
    first = int(header is not None and header[0] == "" and count > 1)
    return list(range(first, count))


def is_header(cells: Sequence[str]) -> bool:
    """Returns whether the first row of a table holds names; one name may be empty."""
    # pandas numbers the columns of a table without names 0, 1, 2, ..., its index is "".
    names = [cell.strip() for cell in cells]
    names = names[1:] if names[0] == "" else names
    if len(names) > 1 and names == [str(column) for column in range(len(names))]:
        return True
    named = [cell.strip() for cell in cells if cell.strip()]
    return len(named) >= max(1, len(cells) - 1) and _is_text(named)


def _is_text(cells: Sequence[str]) -> bool:
    """Returns whether no cell is a number, a date, or a word for an empty cell."""
    return all(
        parsed_number(cell) is None
        and cell.strip().lower() not in _EMPTY - {""}
        and not _DECIMAL_COMMA.fullmatch(cell)
        and not re.match(r"\s*\d+[-:/.]\d", cell)
        for cell in cells
    ) and any(cell.strip() for cell in cells)


def column_indices(
    columns: Sequence[str], header: Sequence[str] | None, count: int, name: str
) -> list[int]:
    """Returns the indices of columns given by name or by index from 0.

    Args:
        columns: The names or indices, or patterns between slashes that fit the whole of one name.
        header: The names of all columns; None without a header.
        count: How many columns there are.
        name: The file's name, for errors.

    Raises:
        UserError: A column is missing, comes twice in the file, or was chosen twice.
    """
    indices: list[int] = []
    for column in columns:
        if header is not None and len(column) > 2 and column[0] == column[-1] == "/":
            fits = [n for n, known in enumerate(header) if re.fullmatch(column[1:-1], known, re.I)]
            if len(fits) != 1:
                received = ", ".join(header[n] for n in fits) or f"none of {', '.join(header)}"
                raise UserError(f"One column must fit {column}", received[:200], name)
            indices.append(fits[0])
        elif column.isdecimal() and int(column) < count:
            indices.append(int(column))
        elif header is not None and column in header:
            if list(header).count(column) > 1:
                raise UserError("A column chosen by name must come once", column, name)
            indices.append(list(header).index(column))
        else:
            known = ", ".join(header or [])[:200] or f"no header and {count} columns"
            received = f"{column}; it has {known}{did_you_mean(column, header or ())}"
            raise UserError("A chosen column must be in the file", received, name)
    if len(set(indices)) < len(indices):
        raise UserError("A column must be chosen once", ", ".join(columns)[:200], name)
    return indices


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Returns "; did you mean X?" for the known word most like a mistyped one, else nothing."""
    folded = {entry.strip().lower(): entry for entry in known if entry}
    close = difflib.get_close_matches(word.strip().lower(), folded, n=1, cutoff=0.75)
    return f"; did you mean {folded[close[0]]}?" if close else ""


def parsed_number(text: str) -> float | None:
    """Returns the number in a cell, which may be NaN or infinite; None if the text is none."""
    try:
        return _plain_float(text)
    except ValueError:
        return None


def _plain_float(text: str) -> float:
    if "_" in text:  # Python takes 1_000 for a number; no logger writes it
        raise ValueError(text)
    return float(text)
