"""Features in fixed point: the numbers by hand, and how far they are from those in float."""

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.data.fixed_features import FixedFeatures, fixed_point, integer_factor
from pskd_tf.evaluation.tflm import Int8Interface, clip_input
from pskd_tf.input_settings import InputSettings

# 1/16 g a step: a factor of exactly 2^-7 from 1/2048 g.
ARITHMETIC = FixedFeatures.of(InputSettings(), 1 / 16, 5)


def test_samples_are_rounded_away_from_zero_and_bounded():
    values = np.array([1, -1, 0.5 / 2048, -0.5 / 2048, 0.4999 / 2048, 15.9999, 20, -1e30])
    expected = [2048, -2048, 1, -1, 0, 32767, 32767, -32767]
    np.testing.assert_array_equal(fixed_point(values), expected)
    for value in (np.nan, np.inf):
        with pytest.raises(UserError, match="finite"):
            fixed_point(np.array([0, value]))


@pytest.mark.parametrize(
    ("factor", "expected"), [(1 / 128, (16384, 21)), (1 / 3, (21845, 16)), (0.99999, (16384, 14))]
)
def test_factors_as_integers(factor, expected):
    multiplier, shift = integer_factor(factor, 15)
    assert (multiplier, shift) == expected
    assert abs(multiplier / 2**shift / factor - 1) < 2**-15


def test_a_clip_at_rest():
    """1 g on z: |a| - 1 is 0, gravity is the sample, nothing is left beside it."""
    prepared = ARITHMETIC.prepare(np.tile([0, 0, 1.0], (50, 1)))
    assert prepared.shape == (96, 1, 10) and prepared.dtype == np.int8
    np.testing.assert_array_equal(
        prepared[:, 0], np.tile([0, 0, 16, 0, 0, 0, 16, 0, 0, 0], (96, 1)) + 5
    )


def test_a_step_in_the_middle():
    """The moving mean of 17 goes up by a seventeenth a step; 17/17 are 16 steps of int8."""
    samples = np.zeros((96, 3))
    samples[48:, 0] = 1
    prepared = ARITHMETIC.prepare(samples).astype(int)[:, 0] - 5
    np.testing.assert_array_equal(prepared[:, 0], 16 * samples[:, 0])
    taps = np.clip(np.arange(96) - 48 + 9, 0, 17)
    np.testing.assert_array_equal(prepared[:, 4], np.floor(16 * taps / 17 + 0.5))
    np.testing.assert_allclose(prepared[:, 7], 16 * (samples[:, 0] - taps / 17), atol=0.51)


def test_resampling_keeps_both_ends():
    samples = np.random.default_rng(0).normal(0, 1, (131, 3))
    resampled, values = ARITHMETIC.resample(samples), fixed_point(samples)
    np.testing.assert_array_equal(resampled[[0, -1]], values[[0, -1]])
    # Position 19 of 95 is 19 * 130 / 95 = 26: a sample itself.
    np.testing.assert_array_equal(resampled[19], values[26])


def test_a_step_of_int8_from_the_float_features(int8_student):
    interface = Int8Interface.read(int8_student.tflite)
    inputs = InputSettings()
    fixed = FixedFeatures.of(inputs, interface.input_scale, interface.input_zero_point)
    differences = np.stack(
        [
            fixed.prepare(clip).astype(int) - clip_input(clip, inputs, interface)
            for clip in int8_student.clips
        ]
    )
    assert np.abs(differences).max() == 1
    assert 0 < (differences != 0).mean() < 0.03


def test_a_scale_that_int32_cannot_take():
    with pytest.raises(UserError, match="input scale"):
        FixedFeatures.of(InputSettings(), 100.0, 0)
