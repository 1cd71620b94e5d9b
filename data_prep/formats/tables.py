"""Tables of numbers in text, .npy, .npz and .mat files.

`read_columns` reads the tables of users, in any of these formats, with or without a header;
`read_number_table` the strict text files of the public data sets, `read_npy_array` their arrays.
"""

import io
import zipfile
from collections.abc import Sequence

import numpy as np

from data_prep.errors import UserError
from data_prep.files import check_unpacked_size
from data_prep.formats.mat import read_mat_array
from data_prep.formats.plain_tables import read_plain_table
from data_prep.formats.text_tables import TEXT_SUFFIXES, column_indices, read_text_table

TABLE_SUFFIXES = (*TEXT_SUFFIXES, ".npy", ".npz", ".mat")


def read_columns(
    content: bytes, suffix: str, name: str, columns: Sequence[str] = (), key: str = ""
) -> np.ndarray:
    """Returns columns of a table as numbers.

    Text is read by `read_text_table`, which leaves a cut last line out. An empty cell is NaN.

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
    if suffix in TEXT_SUFFIXES:
        plain = read_plain_table(content, name)
        if plain is not None:
            indices = plain.indices(columns) if columns else plain.all_columns()
            if plain.are_numbers(indices):
                return plain.numbers(indices)
        table = read_text_table(content, name)
        return table.numbers(table.indices(columns) if columns else table.all_columns())
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
        values = values[:, column_indices(columns, None, values.shape[1], name)]
    return values.astype(np.float64)


_LARGEST_SHARE_UNUSABLE = 0.1  # ours: more unusable rows than this make a file bad


def check_usable_rows(usable: np.ndarray, name: str) -> tuple[str, ...]:
    """Returns the note "rows_dropped" if some rows of a recording are unusable.

    Args:
        usable: bool (rows,).
        name: The file's name, for errors.

    Raises:
        UserError: More than a tenth are unusable, or fewer than 2 are usable.
    """
    dropped = int((~usable).sum())
    if dropped > _LARGEST_SHARE_UNUSABLE * len(usable) or len(usable) - dropped < 2:
        rule = f"At most {_LARGEST_SHARE_UNUSABLE:.0%} of the rows may be unusable"
        received = f"{dropped} of {len(usable)}"
        raise UserError(
            rule, f"{received}, the first in row {usable.argmin()}" if dropped else received, name
        )
    return ("rows_dropped",) if dropped else ()


def read_npy_array(content: bytes, name: str) -> np.ndarray:
    """Returns the array of a .npy file, of any real dtype and shape; objects are refused.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Raises:
        UserError: The file is damaged, or holds anything but real numbers.
    """
    return _read_numpy(content, name, "", is_archive=False)


def _read_numpy(content: bytes, name: str, key: str, is_archive: bool) -> np.ndarray:
    kind = ".npz" if is_archive else ".npy"
    try:
        if is_archive:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                check_unpacked_size(sum(item.file_size for item in archive.infolist()))
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
