"""The fast way through a text table of plain numbers, for recordings of hours.

`read_plain_table` reads only what needs no care: one separator, no quotes below the header, as many
cells in each row. It returns None for all other files, and `read_text_table` reads these row by
row. Both give the same numbers, bit for bit.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_prep.errors import UserError
from data_prep.formats.text_tables import (
    column_indices,
    has_decimal_commas,
    read_text_table,
    value_columns,
)

_HEAD_BYTES = 65_536  # of which separator, header and decimal sign are told
_PARSER_ERRORS = (ValueError, OverflowError, pd.errors.ParserError, pd.errors.EmptyDataError)


@dataclass(frozen=True, eq=False)
class PlainTable:
    """The columns of a plain text file.

    Args:
        name: The file's name, for errors.
        header: The names of the columns; None without a header.
        cells: One column for each of the file; text where a cell is no number.
        first_row: The cells of the first row, as text.
        is_cut: Whether a last line without its line break was left out.
    """

    name: str
    header: list[str] | None
    cells: pd.DataFrame
    first_row: list[str]
    is_cut: bool

    def all_columns(self) -> list[int]:
        """Returns the indices of all columns but a first one without a name, which is an index."""
        return value_columns(self.header, self.cells.shape[1])

    def indices(self, columns: Sequence[str]) -> list[int]:
        """Returns the indices of columns given by name or index; raises `UserError`."""
        return column_indices(columns, self.header, self.cells.shape[1], self.name)

    def are_numbers(self, columns: Sequence[int]) -> bool:
        """Returns whether all cells of these columns are numbers."""
        return all(self.cells[column].dtype.kind in "iuf" for column in columns)

    def numbers(self, columns: Sequence[int]) -> np.ndarray:
        """Returns columns of numbers as float64 (rows, columns)."""
        return np.ascontiguousarray(self.cells[list(columns)].to_numpy(np.float64))

    def whole_numbers(self, column: int) -> np.ndarray | None:
        """Returns a column of whole numbers as int64 (rows,), None if it holds others."""
        values = self.cells[column]
        return values.to_numpy(np.int64) if values.dtype == np.int64 else None


def read_plain_table(content: bytes, name: str, skip_rows: int = 0) -> PlainTable | None:
    """Reads a table if it is plain.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        skip_rows: How many lines to skip first, as for `read_text_table`.

    Returns:
        The table; None if the file needs `read_text_table`, also to say what is wrong with it.
    """
    end = content.rfind(b"\n") + 1
    head_end = content.rfind(b"\n", 0, _HEAD_BYTES) + 1
    if not head_end or content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    try:
        head = read_text_table(content[:head_end], name, skip_rows)
    except UserError:
        return None
    body = _from_line(content[:end], head.lines[0])
    if body is None or head.separator == " " or b'"' in body:
        return None
    has_commas = has_decimal_commas(content[:head_end], head.separator)
    if head.separator != "," and (b"." if has_commas else b",") in body:
        return None
    try:
        cells = pd.read_csv(
            io.BytesIO(body),
            sep=head.separator,
            decimal="," if has_commas else ".",
            header=None,
            engine="c",
            float_precision="round_trip",
            na_filter=False,
            skipinitialspace=True,
            low_memory=False,
        )
    except _PARSER_ERRORS:
        return None
    # Rows that are too short would be filled up.
    separators = body.count(head.separator.encode())
    width = head.num_columns
    if cells.shape[1] != width or separators != len(cells) * (width - 1):
        return None
    is_cut = bool(content[end:].strip())
    return PlainTable(name, head.header, cells, head.rows[0], is_cut)


def _from_line(content: bytes, line: int) -> bytes | None:
    """Returns the content from a line (the first is 1) on; None if lines end in another way."""
    start = 0
    for _ in range(line - 1):
        start = content.find(b"\n", start) + 1
    is_plain = content.count(b"\r") == content.count(b"\r\n")
    return content[start:] if is_plain else None
