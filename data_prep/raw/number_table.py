"""Reading a text file that holds nothing but rows of numbers."""

import io

import numpy as np

from data_prep.user_error import UserError


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
