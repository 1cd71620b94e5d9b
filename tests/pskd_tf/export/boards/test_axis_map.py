"""Axis maps: exact, invertible, and the same in C."""

import ctypes
import itertools

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.export.boards.axis_map import AxisMap

ALL_MAPS = [
    AxisMap(axes, signs)
    for axes in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]


def test_a_map_is_read_with_and_without_commas():
    for text in ("-y,+z,+x", "-y+z+x", "-yzx", " -y, z, x "):
        assert AxisMap.parse(text) == AxisMap((1, 2, 0), (-1, 1, 1))
    assert AxisMap.parse("-y,+z,+x").text == "-y,+z,+x"


@pytest.mark.parametrize("text", ["", "x,y", "x,x,z", "+x,+y,+z,+x", "x,y,w", "--x,y,z"])
def test_text_that_is_no_map_is_refused(text):
    with pytest.raises(UserError, match="names each axis of the sensor once"):
        AxisMap.parse(text)


def test_all_48_maps_invert_compose_and_keep_every_bit():
    samples = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    samples[0, 0] = np.nan
    for axis_map in ALL_MAPS:
        there = axis_map.apply(samples)
        assert there.dtype == np.float32
        np.testing.assert_array_equal(axis_map.inverse().apply(there), samples)
        np.testing.assert_array_equal(there[1:], samples[1:] @ axis_map.matrix.T)
        assert axis_map.inverse().after(axis_map) == AxisMap()
        assert AxisMap.parse(axis_map.text) == axis_map
        assert AxisMap.of_matrix(0.9 * axis_map.matrix + 0.3) == axis_map
    turn, flip = AxisMap.parse("+y,-x,+z"), AxisMap.parse("+x,-z,+y")
    np.testing.assert_array_equal(turn.after(flip).apply(samples), turn.apply(flip.apply(samples)))
    assert sum(axis_map.is_mirrored for axis_map in ALL_MAPS) == 24
    assert not turn.is_mirrored and AxisMap.parse("+y,+x,+z").is_mirrored


class _CMap(ctypes.Structure):
    _fields_ = (
        ("axis", ctypes.c_int8 * 3),
        ("sign", ctypes.c_int8 * 3),
        ("units_per_g", ctypes.c_float),
    )


def test_c_maps_all_48_alike(core_library):
    raw = np.array([1.25, -3.5, 0.7], np.float32)
    result = np.empty(3, np.float32)
    pointers = (raw.ctypes.data_as(ctypes.c_void_p), result.ctypes.data_as(ctypes.c_void_p))
    for axis_map in ALL_MAPS:
        c_map = _CMap(
            (ctypes.c_int8 * 3)(*axis_map.axes), (ctypes.c_int8 * 3)(*axis_map.signs), 0.5
        )
        assert core_library.pskd_axis_map_is_valid(ctypes.byref(c_map)) == 1
        core_library.pskd_map_axes(ctypes.byref(c_map), *pointers)
        np.testing.assert_array_equal(result, axis_map.apply(raw) * 2)
    for axes, signs, units in [
        ((0, 0, 2), (1, 1, 1), 1.0),
        ((0, 1, 3), (1, 1, 1), 1.0),
        ((0, 1, 2), (1, 0, 1), 1.0),
        ((0, 1, 2), (1, 1, 1), 0.0),
        ((0, 1, 2), (1, 1, 1), float("nan")),
    ]:
        c_map = _CMap((ctypes.c_int8 * 3)(*axes), (ctypes.c_int8 * 3)(*signs), units)
        assert core_library.pskd_axis_map_is_valid(ctypes.byref(c_map)) == 0
