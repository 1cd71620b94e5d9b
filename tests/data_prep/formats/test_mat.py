"""Damaged .mat files give one user error, never another exception."""

import io
import struct

import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings, strategies as st

from data_prep import files
from data_prep.errors import UserError
from data_prep.formats import mat
from data_prep.formats.mat import read_mat_array, read_mat_cells

NAME = "Inertial.zip/Inertial/a1_s1_t1_inertial.mat"


def saved(compress: bool) -> bytes:
    stream = io.BytesIO()
    values = np.arange(12.0).reshape(2, 6)
    scipy.io.savemat(stream, {"d_iner": values}, do_compression=compress)
    return stream.getvalue()


PLAIN, COMPRESSED = saved(False), saved(True)


def test_round_trip(mat_bytes):
    values = np.arange(12.0).reshape(2, 6)
    read = read_mat_array(mat_bytes(d_iner=values), "d_iner", NAME)
    np.testing.assert_array_equal(read, values)


def cells(*values: object) -> np.ndarray:
    array = np.empty((len(values), 1), dtype=object)
    array[:, 0] = values
    return array


def test_cells_keep_their_order_and_shapes(mat_bytes):
    values = [np.eye(2), np.zeros((3, 7)), np.ones((1, 1))]
    read = read_mat_cells(mat_bytes(sensor=cells(*values)), "sensor", NAME)
    for one, expected in zip(read, values, strict=True):
        np.testing.assert_array_equal(one, expected)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"d_iner": np.eye(2)}, "A .mat file must hold sensor. Received: d_iner"),
        ({"sensor": np.eye(2)}, "sensor must be a cell array. Received: float64"),
        ({"sensor": cells(np.eye(2), "text")}, "cell 2 of sensor must hold real numbers"),
    ],
)
def test_wrong_cells(mat_bytes, variables: dict, message: str):
    with pytest.raises(UserError, match=message):
        read_mat_cells(mat_bytes(**variables), "sensor", NAME)


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"d_skel": np.eye(2)}, "A .mat file must hold d_iner. Received: d_skel"),
        ({"d_iner": "text"}, "d_iner must hold real numbers"),
        ({"d_iner": np.eye(2) * 1j}, "d_iner must hold real numbers. Received: complex128"),
        ({"d_iner": np.array([1, "a"], dtype=object)}, "d_iner must hold real numbers"),
    ],
)
def test_wrong_content(mat_bytes, variables: dict, message: str):
    with pytest.raises(UserError) as error:
        read_mat_array(mat_bytes(**variables), "d_iner", NAME)
    assert message in str(error.value)
    assert f"(file: {NAME})" in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"MATLAB",
        b"\x00" * 300,
        b"\xff" * 300,
        b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n",
    ],
)
def test_no_mat_file(content: bytes):
    with pytest.raises(UserError, match=r"^A \.mat file must be of version 5 to 7\.2\."):
        read_mat_array(content, "d_iner", NAME)


def test_every_truncation_is_a_user_error(mat_bytes):
    content = mat_bytes(d_iner=np.random.default_rng(0).normal(size=(9, 6)))
    for length in range(len(content) - 1):
        with pytest.raises(UserError):
            read_mat_array(content[:length], "d_iner", NAME)


def test_what_unpacks_to_more_than_the_bound_is_refused(mat_bytes, monkeypatch):
    """A file of 2 kB that claims 2 MB of zeros, and one of two variables that do together."""
    monkeypatch.setattr(files, "LARGEST_UNPACKED", 1_000_000)
    monkeypatch.setattr(mat, "LARGEST_UNPACKED", 1_000_000)
    stream = io.BytesIO()
    half = np.zeros(70_000)
    scipy.io.savemat(stream, {"d_iner": half, "other": half}, do_compression=True)
    assert len(stream.getvalue()) < 3000
    with pytest.raises(UserError, match=r"bytes when unpacked, where at most 0 MiB are taken"):
        read_mat_array(stream.getvalue(), "d_iner", NAME)
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"d_iner": half}, do_compression=True)
    assert read_mat_array(stream.getvalue(), "d_iner", NAME).shape == (1, 70_000)


@pytest.mark.parametrize("data_type", [0, 8, 10, 15, 20, 200])
def test_unknown_data_type(data_type: int):
    """Scipy's reader would crash the process on it."""
    content = bytearray(PLAIN)
    assert content[184] == 9  # double, in the tag before the values
    content[184] = data_type
    with pytest.raises(UserError, match=r"^A \.mat file must be readable by scipy"):
        read_mat_array(bytes(content), "d_iner", NAME)


@settings(max_examples=300)
@given(content=st.sampled_from([PLAIN, COMPRESSED]), data=st.data())
def test_wrong_bytes_are_a_user_error_or_numbers(content: bytes, data):
    """Whatever a few wrong bytes do, no other exception comes out."""
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(120, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        values = read_mat_array(bytes(damaged), "d_iner", NAME)
    except UserError:
        return
    assert values.dtype.kind in "fiu"


def test_dimensions_beyond_the_bytes_are_refused_at_once():
    """Found by fuzzing: scipy takes half a minute for these 600 bytes before it refuses them."""
    cells = np.empty((1, 2), object)
    cells[:] = [[np.arange(3.0), np.arange(2.0)]]
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"cells": cells})
    content = stream.getvalue().replace(struct.pack("<ii", 1, 2), struct.pack("<ii", 1, 2**28), 1)
    with pytest.raises(UserError, match=r"dimensions \[1, 268435456\] of \d+ bytes"):
        read_mat_cells(content, "cells", "a.mat")


@pytest.mark.parametrize("part", ["real", "complex"])
def test_an_array_without_its_last_part_is_refused(part):
    """Found by fuzzing: scipy reads on into the next array and crashes the process."""
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"first": np.arange(6.0), "second": np.arange(2.0)})
    content = bytearray(stream.getvalue())
    if part == "complex":
        content[145] |= 0x08  # the flags of the first array
    else:
        content[184] = 14  # the data type of its numbers
    with pytest.raises(UserError, match=r"an array with parts \[6, 5, 1, (9|14)\], where [45] are"):
        read_mat_array(bytes(content), "first", "a.mat")
