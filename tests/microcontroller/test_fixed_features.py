"""`accelerometer_features_fixed.c` against Python: the same int8 input, byte for byte."""

import ctypes

import numpy as np
import pytest

from pskd_tf.data.fixed_features import FixedFeatures
from pskd_tf.evaluation.tflm import Int8Interface
from pskd_tf.export.fixed_point import fixed_settings_header
from pskd_tf.input_settings import InputSettings

OK, TOO_FEW, TOO_MANY, NOT_FINITE = range(4)


@pytest.fixture(scope="module")
def arithmetic(int8_student):
    interface = Int8Interface.read(int8_student.tflite)
    return FixedFeatures.of(InputSettings(), interface.input_scale, interface.input_zero_point)


@pytest.fixture(scope="module")
def library(exported, arithmetic, sources, compiler, tmp_path_factory):
    """Either file of features with the multipliers; undefined behaviour ends the program."""
    folder = tmp_path_factory.mktemp("fixed")
    header = (exported / "model_settings.h").read_text()
    (folder / "model_settings.h").write_text(fixed_settings_header(header, arithmetic))
    # `lead` tells Python what only C knows.
    (folder / "lead.c").write_text(
        '#include "accelerometer_features.h"\nint32_t lead(void);\n'
        "int32_t lead(void) { return PSKD_INPUT_LEAD; }\n"
    )
    files = [sources / "src" / f"accelerometer_features{end}.c" for end in ("", "_fixed")]
    compiler(
        *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", "-Wdouble-promotion", "-Wconversion"),
        *("-fsanitize=undefined", "-fsanitize-undefined-trap-on-error"),
        *(f"-I{folder}", f"-I{sources / 'src'}", *files, folder / "lead.c"),
        *("-o", folder / "features.so"),
    )
    return ctypes.CDLL(str(folder / "features.so"))


def _pointer(array, kind):
    return array.ctypes.data_as(ctypes.POINTER(kind))


def _prepared(library, samples):
    samples = np.ascontiguousarray(samples, np.float32)
    workspace, quantised = np.zeros((96, 3), np.int16), np.zeros((96, 1, 10), np.int8)
    status = library.pskd_prepare_clip(
        _pointer(samples, ctypes.c_float),
        ctypes.c_int32(len(samples)),
        _pointer(workspace, ctypes.c_int16),
        _pointer(quantised, ctypes.c_int8),
    )
    return status, quantised


def test_clips_of_every_length(library, arithmetic):
    """From a wrist at rest to far beyond the 16 g that are kept."""
    generator = np.random.default_rng(0)
    for length in range(2, 327):
        spread = generator.choice([0.01, 1.0, 8.0, 100.0, 1e20])
        samples = generator.normal(0, spread, (length, 3)).astype(np.float32)
        status, quantised = _prepared(library, samples)
        assert status == OK
        np.testing.assert_array_equal(quantised, arithmetic.prepare(samples), f"length {length}")


def test_floats_of_every_size(library, arithmetic):
    """Halves of 1/2048 g, their neighbours, subnormal numbers and both signs."""
    halves = (np.arange(96 * 3 // 2) + np.float32(0.5)) / np.float32(2048)
    near = np.concatenate([np.nextafter(halves, 0), halves]).astype(np.float32)
    powers = np.ldexp(np.float32(1), np.arange(-149, 128))[-288:]
    for values in (near, -near, np.resize(powers, 288), np.resize(-powers, 288)):
        samples = values.astype(np.float32).reshape(96, 3)
        status, quantised = _prepared(library, samples)
        assert status == OK
        np.testing.assert_array_equal(quantised, arithmetic.prepare(samples))


def test_the_input_over_its_own_samples(library, arithmetic):
    """As the recognizer lays it out: `lead` values before the samples that it is made of."""
    samples = np.random.default_rng(1).normal(0, 2, (96, 3)).astype(np.float32)
    lead = library.lead()
    memory = np.zeros(lead + 3 * 96, np.int16)
    memory[lead:] = arithmetic.resample(samples).ravel()
    input_ = memory.view(np.int8)
    status = library.pskd_quantise_features(
        _pointer(memory[lead:], ctypes.c_int16), _pointer(input_, ctypes.c_int8)
    )
    assert status == OK
    np.testing.assert_array_equal(input_[:960], arithmetic.prepare(samples).ravel())
    # No more memory than needed: less than the input beside the samples.
    assert 2 * len(memory) < 960 + 2 * 3 * 96


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite(library, value):
    samples = np.zeros((96, 3), np.float32)
    samples[40, 1] = value
    assert _prepared(library, samples)[0] == NOT_FINITE


def test_lengths_out_of_range(library):
    assert _prepared(library, np.zeros((1, 3)))[0] == TOO_FEW
    assert _prepared(library, np.zeros(((1 << 24) // 96 + 1, 3)))[0] == TOO_MANY
