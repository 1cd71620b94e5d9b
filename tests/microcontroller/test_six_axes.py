"""The features of six axes in C against Python, in float and in fixed point, and the axis map."""

import ctypes

import numpy as np
import pytest

from pskd_tf.data.fixed_features import FixedFeatures
from pskd_tf.evaluation.tflm import Int8Interface, clip_input
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.fixed_point import fixed_settings_header
from pskd_tf.export.headers import model_settings_header
from pskd_tf.input_settings import InputSettings

OK, NOT_FINITE = 0, 3
SIX = InputSettings(sensors=("accelerometer", "gyroscope"))
INTERFACE = Int8Interface((96, 1, 14), 3, float(np.float32(0.0647)), -7, 0.1, 0)
FIXED = FixedFeatures.of(SIX, INTERFACE.input_scale, INTERFACE.input_zero_point)


def _compiled(folder, header, sources, compiler):
    (folder / "model_settings.h").write_text(header)
    (folder / "lead.c").write_text(
        '#include "accelerometer_features.h"\nint32_t lead(void);\n'
        "int32_t lead(void) { return PSKD_INPUT_LEAD; }\n"
    )
    names = ("accelerometer_features", "accelerometer_features_fixed", "axis_map")
    compiler(
        *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wdouble-promotion", "-Wconversion"),
        *("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"),
        *(f"-I{folder}", f"-I{sources / 'src'}", folder / "lead.c"),
        *(sources / "src" / f"{name}.c" for name in names),
        *("-o", folder / "features.so", "-lm"),
    )
    return ctypes.CDLL(str(folder / "features.so"))


@pytest.fixture(scope="module")
def libraries(sources, compiler, tmp_path_factory):
    """`accelerometer_features.c` and `accelerometer_features_fixed.c` with six axes."""
    header = model_settings_header(INTERFACE, SIX, ["a", "b", "c"], (2, 300), 1, 1024, 50.0)
    folders = {name: tmp_path_factory.mktemp(name) for name in ("float", "fixed")}
    texts = {"float": header, "fixed": fixed_settings_header(header, FIXED)}
    return {name: _compiled(folders[name], texts[name], sources, compiler) for name in folders}


def _samples(generator, length, scale=1.0):
    return (generator.normal(0, [1, 1, 1, 250, 250, 250], (length, 6)) * scale).astype(np.float32)


def _pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def _prepared(library, samples, value):
    workspace, quantised = np.zeros((96, 6), value), np.zeros((96, 1, 14), np.int8)
    arguments = (_pointer(samples), ctypes.c_int32(len(samples)))
    status = library.pskd_prepare_clip(*arguments, _pointer(workspace), _pointer(quantised))
    return status, quantised


@pytest.mark.parametrize("arithmetic", ["float", "fixed"])
def test_clips_of_every_length(libraries, arithmetic):
    """From a wrist at rest to beyond the range of both sensors."""
    generator = np.random.default_rng(0)
    value = {"float": np.float32, "fixed": np.int16}[arithmetic]
    for length in range(2, 327, 3):
        samples = _samples(generator, length, generator.choice([0.01, 1.0, 30.0]))
        expected = clip_input(samples, SIX, INTERFACE)
        if arithmetic == "fixed":
            expected = FIXED.prepare(samples)
        status, quantised = _prepared(libraries[arithmetic], samples, value)
        assert status == OK
        np.testing.assert_array_equal(quantised, expected, f"length {length}")


def test_both_arithmetics_agree_within_a_step():
    samples = _samples(np.random.default_rng(1), 120)
    exact, fixed = clip_input(samples, SIX, INTERFACE), FIXED.prepare(samples)
    difference = np.abs(exact.astype(int) - fixed)
    assert difference.max() <= 1 and (difference > 0).mean() < 0.02


@pytest.mark.parametrize("arithmetic", ["float", "fixed"])
def test_the_input_over_its_own_samples(libraries, arithmetic):
    """As the recognizer lays it out: `lead` values before the samples that it is made of."""
    library, value = libraries[arithmetic], {"float": np.float32, "fixed": np.int16}[arithmetic]
    samples = _samples(np.random.default_rng(2), 96)
    apart = np.zeros((96, 6), value)
    assert library.pskd_resample_clip(_pointer(samples), ctypes.c_int32(96), _pointer(apart)) == OK
    expected = np.zeros(96 * 14, np.int8)
    assert library.pskd_quantise_features(_pointer(apart), _pointer(expected)) == OK
    lead = library.lead()
    memory = np.zeros(lead + 6 * 96, value)
    memory[lead:] = apart.ravel()
    input_ = memory.view(np.int8)
    assert library.pskd_quantise_features(_pointer(memory[lead:]), _pointer(input_)) == OK
    np.testing.assert_array_equal(input_[: 96 * 14], expected)


@pytest.mark.parametrize("arithmetic", ["float", "fixed"])
def test_turn_rates_that_are_not_finite(libraries, arithmetic):
    value = {"float": np.float32, "fixed": np.int16}[arithmetic]
    samples = np.zeros((96, 6), np.float32)
    samples[40, 4] = np.nan
    assert _prepared(libraries[arithmetic], samples, value)[0] == NOT_FINITE


class _CMap(ctypes.Structure):
    _fields_ = (
        *(("axis", ctypes.c_int8 * 3), ("sign", ctypes.c_int8 * 3)),
        *(("units_per_g", ctypes.c_float), ("units_per_dps", ctypes.c_float)),
    )


@pytest.mark.parametrize("text", ["+x,+y,+z", "-y,+x,+z", "+z,+x,+y", "-x,+y,+z", "+y,+x,+z"])
def test_the_map_turns_rates_as_the_sensor(libraries, text):
    """Of a rotation as the acceleration; a map that mirrors turns the sense of rotation, too."""
    axis_map = AxisMap.parse(text)
    raw = np.array([1.0, 2.0, 3.0, 40.0, 50.0, 60.0], np.float32)
    sample = np.zeros(6, np.float32)
    c_map = _CMap((*axis_map.axes,), (*axis_map.signs,), 2.0, 10.0)
    assert libraries["float"].pskd_axis_map_is_valid(ctypes.byref(c_map)) == 1
    libraries["float"].pskd_map_axes(ctypes.byref(c_map), _pointer(raw), _pointer(sample))
    np.testing.assert_array_equal(sample[:3], axis_map.matrix @ raw[:3] / 2)
    turned = axis_map.matrix @ raw[3:] / 10
    np.testing.assert_array_equal(sample[3:], -turned if axis_map.is_mirrored else turned)
    c_map.units_per_dps = 0.0
    assert libraries["float"].pskd_axis_map_is_valid(ctypes.byref(c_map)) == 0
