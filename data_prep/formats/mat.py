"""MATLAB files of version 5 to 7.2, checked before scipy parses them.

`scipy.io.loadmat` can crash the process on a damaged file, so `_check_elements` walks through the
file's structure first.
"""

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.io

from data_prep.errors import UserError
from data_prep.files import LARGEST_UNPACKED, check_unpacked_size

_COMPRESSED, _MATRIX = 15, 14  # data types of elements
_INT8, _INT32, _UINT32, _UTF8 = 1, 5, 6, 16
_NUMBERS = {1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18}
_BYTE_ORDERS = {b"\x00\x01IM": "<", b"\x01\x00MI": ">"}  # version 5 to 7.2; 7.3 is HDF5


def read_mat_array(content: bytes, key: str, name: str) -> np.ndarray:
    """Returns one numeric array of a MATLAB file (version 5 to 7.2).

    Args:
        content: The file's bytes.
        key: The variable to read.
        name: The file's name, for errors.

    Returns:
        The array, of any numeric dtype and shape.

    Raises:
        UserError: The file is damaged or of another version, or holds no such variable or no
            numbers in it.
    """
    return _real_numbers(_variable(content, key, name), key, name)


def read_mat_cells(content: bytes, key: str, name: str) -> list[np.ndarray]:
    """Returns the numeric arrays of a cell array of a MATLAB file (version 5 to 7.2).

    Args:
        content: The file's bytes.
        key: The variable to read.
        name: The file's name, for errors.

    Returns:
        The arrays in MATLAB's order, each of any numeric dtype and shape.

    Raises:
        UserError: The file is damaged or of another version, holds no such cell array, or a cell
            holds no numbers.
    """
    values = _variable(content, key, name)
    if not isinstance(values, np.ndarray) or values.dtype.kind != "O":
        received = getattr(values, "dtype", type(values).__name__)
        raise UserError(f"{key} must be a cell array", received, name)
    cells = values.ravel(order="F")
    return [
        _real_numbers(cell, f"cell {place} of {key}", name)
        for place, cell in enumerate(cells, start=1)
    ]


def _real_numbers(values: Any, what: str, name: str) -> np.ndarray:
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu":
        received = getattr(values, "dtype", type(values).__name__)
        raise UserError(f"{what} must hold real numbers", received, name)
    return values


def _variable(content: bytes, key: str, name: str) -> Any:
    order = _BYTE_ORDERS.get(content[124:128])
    if order is None:
        received = f"{len(content)} bytes that start with {content[:20]!r}"
        raise UserError("A .mat file must be of version 5 to 7.2", received, name)
    try:
        _check_elements(content[128:], order, LARGEST_UNPACKED)
        with warnings.catch_warnings():
            warnings.simplefilter("error", scipy.io.matlab.MatReadWarning)  # "unreadable variable"
            variables = scipy.io.loadmat(io.BytesIO(content))
    except Exception as error:
        # A damaged file can raise nearly anything: OSError, zlib.error, struct.error, IndexError,
        # TypeError, ValueError, KeyError, MemoryError, ZeroDivisionError, ...
        received = f"{type(error).__name__}: {error}"
        raise UserError("A .mat file must be readable by scipy", received, name) from error
    names = sorted(variable for variable in variables if not variable.startswith("__"))
    if key not in names:
        raise UserError(f"A .mat file must hold {key}", ", ".join(names) or "nothing", name)
    return variables[key]


def _check_elements(content: bytes, order: str, left: int) -> int:
    """Raises an exception unless all elements are whole, small enough and of a known data type.

    Args:
        content: The elements.
        order: Their byte order, as `struct` takes it.
        left: Bytes that compressed elements may still have when they are unpacked.

    Returns:
        What is left of these bytes.

    Scipy's reader indexes a table by the data type without a check, so that a wrong one crashes
    the whole process (scipy issue 25349); and it may read before it compares the checksum.
    """
    for data_type, body in _elements(content, order):
        if data_type == _COMPRESSED:
            # One byte more than is left is enough to see that it is too much.
            stream = zlib.decompressobj()
            unpacked = stream.decompress(body, left + 1)
            left -= len(unpacked)
            check_unpacked_size(LARGEST_UNPACKED - left)
            if not stream.eof:
                raise ValueError("a compressed element is cut off")
            left = _check_elements(unpacked, order, left)
        elif data_type == _MATRIX:
            _check_matrix(body, order)
            left = _check_elements(body, order, left)
        elif data_type not in _NUMBERS:
            raise ValueError(f"data type {data_type} is unknown")
    return left


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Yields the data type and the bytes of each element."""
    offset = 0
    while offset < len(content):
        data_type, size = struct.unpack_from(f"{order}II", content, offset)
        if data_type >> 16:  # short form: size and type in one word, data in the other
            data_type, size = data_type & 0xFFFF, data_type >> 16
            start, end = offset + 4, offset + 8
        else:
            start = offset + 8
            padding = 0 if data_type == _COMPRESSED else -size % 8
            end = start + size + padding
        if start + size > min(end, len(content)):
            raise ValueError("an element is cut off")
        yield data_type, content[start : start + size]
        offset = end


_CHARACTERS, _SPARSE, _LAST_OF_NUMBERS = 4, 5, 15  # classes of arrays
_OWN_OBJECTS = (16, 17)  # functions and objects of MATLAB's own, which have other parts
_COMPLEX = 0x800


def _check_matrix(matrix: bytes, order: str) -> None:
    """Raises an exception unless an array has the parts and no more elements than it states.

    Scipy reads on behind an array that lacks a part, and crashes where the next element is another
    array. It makes an array of the size that is stated before it reads the first element: half a
    minute for 600 bytes.
    """
    parts = list(_elements(matrix, order))
    if not parts or len(parts[0][1]) < 4:
        raise ValueError("an array without flags")
    (flags,) = struct.unpack_from(f"{order}I", parts[0][1])
    kind, types = flags & 0xFF, [data_type for data_type, _ in parts]
    if kind in _OWN_OBJECTS:
        return
    if len(types) < 3 or types[1] not in (_INT32, _UINT32) or types[2] not in (_INT8, _UTF8):
        raise ValueError(f"an array with parts {types}")
    shape = np.frombuffer(parts[1][1], f"{order}i4").tolist()
    if kind != _SPARSE and (min(shape, default=0) < 0 or math.prod(shape) > len(matrix)):
        raise ValueError(f"dimensions {shape} of {len(matrix)} bytes")
    if _CHARACTERS <= kind <= _LAST_OF_NUMBERS:
        wanted = 1 + 2 * (kind == _SPARSE) + bool(flags & _COMPLEX)
        if len(types) != 3 + wanted or not set(types) <= _NUMBERS:
            raise ValueError(f"an array with parts {types}, where {3 + wanted} are due")
