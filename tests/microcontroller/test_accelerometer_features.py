"""`accelerometer_features.c` against Python: the same int8 input, byte for byte."""

import ctypes

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.evaluation.tflm import Int8Interface, clip_input
from pskd_tf.input_settings import InputSettings

OK, TOO_FEW, TOO_MANY, NOT_FINITE = range(4)
LABELS = 27


def _prepared(library, samples):
    """Calls `pskd_prepare_clip`; returns its status and the int8 input."""
    samples = np.ascontiguousarray(samples, np.float32)
    workspace = np.zeros((96, 3), np.float32)
    quantised = np.zeros((96, 1, 10), np.int8)
    floats, bytes_ = ctypes.POINTER(ctypes.c_float), ctypes.POINTER(ctypes.c_int8)
    status = library.pskd_prepare_clip(
        samples.ctypes.data_as(floats),
        ctypes.c_int32(len(samples)),
        workspace.ctypes.data_as(floats),
        quantised.ctypes.data_as(bytes_),
    )
    return status, quantised


@pytest.fixture
def expected(int8_student):
    """Python's int8 input of a clip."""
    interface = Int8Interface.read(int8_student.tflite)
    return lambda samples: clip_input(samples, InputSettings(), interface)


def test_random_clips_of_every_length(features_library, expected):
    generator = np.random.default_rng(0)
    for length in range(2, 327):
        spread = generator.choice([0.05, 1.0, 8.0])
        samples = generator.normal(0, spread, (length, 3)).astype(np.float32)
        status, quantised = _prepared(features_library, samples)
        assert status == OK
        np.testing.assert_array_equal(quantised, expected(samples), err_msg=f"length {length}")


def test_steps_of_the_sensor_that_land_on_halves(features_library, expected, int8_student):
    """Samples at odd multiples of half a quantisation step, where rounding has to decide."""
    scale = np.float32(Int8Interface.read(int8_student.tflite).input_scale)
    halves = np.random.default_rng(1).integers(-80, 80, (96, 3)) + np.float32(0.5)
    samples = (halves * scale).astype(np.float32)
    status, quantised = _prepared(features_library, samples)
    assert status == OK
    np.testing.assert_array_equal(quantised, expected(samples))


def test_saturated_clips(features_library, expected):
    for value in (1e6, -1e6, 1e18):
        samples = np.full((50, 3), value, np.float32)
        status, quantised = _prepared(features_library, samples)
        assert status == OK and set(np.unique(quantised[:, 0, :3])) <= {-128, 127}
        np.testing.assert_array_equal(quantised, expected(samples))


def test_golden_clips_of_the_export(features_library, expected, int8_student):
    for clip in int8_student.clips[:192:6]:
        np.testing.assert_array_equal(_prepared(features_library, clip)[1], expected(clip))


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
def test_both_refuse_what_is_not_finite(features_library, expected, bad):
    """3e38 g is finite, its square is not."""
    samples = np.zeros((40, 3), np.float32)
    samples[20, 1] = bad
    assert _prepared(features_library, samples)[0] == NOT_FINITE
    with pytest.raises(UserError, match="finite"):
        expected(samples)


def test_lengths_out_of_range_have_their_own_status(features_library):
    assert _prepared(features_library, np.zeros((1, 3)))[0] == TOO_FEW
    assert _prepared(features_library, np.zeros((0, 3)))[0] == TOO_FEW
    longest = (1 << 24) // 96
    assert _prepared(features_library, np.zeros((longest, 3)))[0] == OK
    assert _prepared(features_library, np.zeros((longest + 1, 3)))[0] == TOO_MANY


def test_argmax_takes_the_first_of_equals(features_library):
    generator = np.random.default_rng(0)
    for _ in range(50):
        output = generator.integers(-3, 3, LABELS).astype(np.int8)
        pointer = output.ctypes.data_as(ctypes.POINTER(ctypes.c_int8))
        assert features_library.pskd_argmax(pointer) == output.argmax()


@pytest.mark.slow
def test_every_clip_of_utd_mhad(features_library, expected, data_folder, tmp_path):
    """All 861 real recordings."""
    from data_prep.preparation import prepare_dataset

    prepared = prepare_dataset("utd_mhad", data_folder / "utd-mhad", tmp_path / "prepared")
    assert len(prepared) == 861
    for row in range(len(prepared)):
        samples = prepared.accelerometer(row)
        status, quantised = _prepared(features_library, samples)
        assert status == OK
        np.testing.assert_array_equal(quantised, expected(samples), err_msg=f"row {row}")
