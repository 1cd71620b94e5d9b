"""The quantisation rule at its edges."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.errors import UserError
from pskd_tf.evaluation.tflm import quantise_input


def test_halves_round_away_from_zero():
    values = np.array([0.5, 1.5, 2.5, -0.5, -1.5, -2.5], np.float32)
    assert quantise_input(values, 1.0, 0).tolist() == [1, 2, 3, -1, -2, -3]


def test_just_below_a_half_rounds_to_zero():
    """x + 0.5 is 1.0 in float32 for the largest float below one half."""
    value = np.nextafter(np.float32(0.5), np.float32(0))
    assert quantise_input(np.array([value, -value]), 1.0, 0).tolist() == [0, 0]


def test_saturation_at_both_ends_even_where_the_quotient_overflows():
    values = np.array([127.4, 127.6, 1e9, -128.4, -1e9, 3e38, -3e38], np.float32)
    assert quantise_input(values, 1.0, 0).tolist() == [127, 127, 127, -128, -128, 127, -128]
    assert quantise_input(values[-2:], 1e-5, 5).tolist() == [127, -128]


def test_zero_gives_the_zero_point_and_the_range_is_shifted_by_it():
    assert quantise_input(np.array([0.0, -0.0, 255, 256]), 1.0, -128).tolist() == [
        -128,
        -128,
        127,
        127,
    ]
    assert quantise_input(np.array([-255.0, -254.0]), 1.0, 127).tolist() == [-128, -127]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad):
    with pytest.raises(UserError, match="must be finite"):
        quantise_input(np.array([0.0, bad]), 1.0, 0)


@given(
    st.floats(-300, 300, width=32),
    st.floats(2**-10, 2, width=32),
    st.integers(-128, 127),
)
def test_agrees_with_exact_arithmetic_after_one_float32_division(value, scale, zero_point):
    quotient = Fraction(float(np.float32(value) / np.float32(scale)))
    magnitude = int(abs(quotient) + Fraction(1, 2))
    expected = (magnitude if quotient >= 0 else -magnitude) + zero_point
    result = quantise_input(np.array(value, np.float32), scale, zero_point)
    assert int(result) == min(127, max(-128, expected))
