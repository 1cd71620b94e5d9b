"""CSV files that no spreadsheet computes, whatever names they hold, and that are read back exactly.

A spreadsheet takes a cell such as `=1+1` for a formula, in quotes, too. An apostrophe before it
makes it text. Everything that writes CSV writes its cells here; `cell_text` takes the apostrophe
away where such a file is read.
"""

import csv
import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from data_prep.files import whole_file

if TYPE_CHECKING:
    import pandas as pd

# What begins a formula (OWASP, "CSV injection"; the wide forms in East Asian settings). A cell also
# begins after a semicolon or a tab, because many spreadsheets split there as well as at commas, and
# after the end of a line that is not in quotes.
_PLACE = r"(^|[;\t\r\n])('*)"
_FORMULA = r"(?=[=+\-@\t\r\n＝＋－＠])"
_UNSAFE = re.compile(_PLACE + _FORMULA)
_SAFE = re.compile(_PLACE + "'" + _FORMULA)
_LINE_END = "\r\n"


def safe_cell(cell: object) -> object:
    """Returns a text with an apostrophe before what a spreadsheet would compute.

    Apostrophes that stand there already get one more, so that `cell_text` gives the text back.

    Args:
        cell: What goes into a cell; numbers and other values that are no text stay.
    """
    return _UNSAFE.sub(r"\1\2'", cell) if isinstance(cell, str) else cell


def cell_text(cell: str) -> str:
    """Returns the text of which `safe_cell` made a cell; others, such as `-1`, stay."""
    return _SAFE.sub(r"\1\2", cell) if "'" in cell else cell


def safe_table(table: "pd.DataFrame") -> "pd.DataFrame":
    """Returns a table of which all texts, names of columns and rows included, are safe cells."""
    safe = table.copy()
    for name in table.select_dtypes(exclude=["number", "bool"]):
        safe[name] = table[name].map(safe_cell)
    return safe.rename(columns=safe_cell, index=safe_cell)


def write_table(
    path: Path,
    table: "pd.DataFrame",
    *,
    index_label: str | None = None,
    float_format: str | None = None,
) -> None:
    """Writes a table of safe cells as CSV, whole or not at all.

    Args:
        path: The file.
        table: The table.
        index_label: Heading of the index; None leaves the index out.
        float_format: Format of fractions, such as `%.6g`; None for all digits.
    """
    with whole_file(path) as temporary:
        safe_table(table).to_csv(
            temporary,
            index=index_label is not None,
            index_label=index_label,
            float_format=float_format,
            lineterminator="\n",
        )


class CsvWriter:
    """Writes rows of safe cells.

    Args:
        stream: The text file, opened with `newline=""`.
        columns: The header.
        separator: Between the cells.
    """

    def __init__(self, stream: TextIO, columns: Iterable[str], separator: str = ","):
        self._stream = stream
        self._line = io.StringIO(newline="")
        # Before Python 3.13 csv puts a cell with \r into quotes only where lines end with it.
        self._writer = csv.writer(self._line, delimiter=separator, lineterminator=_LINE_END)
        self.write_row(columns)

    def write_row(self, cells: Iterable[object]) -> None:
        """Writes a row."""
        self.write_row_as_read([safe_cell(cell) for cell in cells])

    def write_row_as_read(self, cells: Iterable[object]) -> None:
        """Writes a row of another file, whose cells `cell_text` has not changed."""
        self._writer.writerow(cells)
        line = self._line.getvalue()
        self._stream.write(f"{line.removesuffix(_LINE_END)}\n")
        self._line.seek(0)
        self._line.truncate()
