"""Reading the samples of a worn sensor: in each row a time stamp and three axes."""

import math

import numpy as np

from data_prep.raw.whole_lines import whole_lines
from data_prep.signals.stamp_seconds import stamp_seconds
from data_prep.user_error import UserError

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
    if _is_header(rows[0]):
        _check_header(rows.pop(0), num_columns, name)
    other = [len(cells) for cells in rows if len(cells) != num_columns]
    if 2 * len(other) > len(rows):
        rule = f"A row must hold {num_columns} columns: a stamp first, x, y and z last"
        raise UserError(rule, f"{max(set(other), key=other.count)} columns", name)
    stamps, values, first_dropped = [], [], ""
    for cells, line in zip(rows, lines[len(lines) - len(rows) :], strict=True):
        stamp = stamp_seconds(cells[0]) if len(cells) == num_columns else None
        axes = [_number(cell) for cell in cells[-3:]]
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


def _number(cell: str) -> float:
    """Returns the cell's number; infinity, which is above every limit, if it is none."""
    try:
        value = math.inf if "_" in cell else float(cell)  # Python's own 1_000 is no measurement
    except ValueError:
        return math.inf
    return value if math.isfinite(value) else math.inf


def _is_header(cells: list[str]) -> bool:
    return all(cell[:1].isalpha() and _number(cell) == math.inf for cell in cells) and not any(
        cell.lower() in ("nan", "inf") for cell in cells
    )


def _check_header(cells: list[str], num_columns: int, name: str) -> None:
    names = [cell.lower() for cell in cells]
    if len(names) != num_columns or names[-3:] != ["x", "y", "z"]:
        rule = f"A header must name {num_columns} columns: the time first, x, y and z last"
        raise UserError(rule, ",".join(cells)[:80], name)
