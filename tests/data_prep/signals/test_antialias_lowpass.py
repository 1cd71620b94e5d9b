"""The filter before samples are left out: gain, phase and ends in closed form."""

import numpy as np
import pytest

from data_prep.signals import antialias_lowpass


@pytest.mark.parametrize("factor", [1, 2, 17])
def test_constants_and_ramps_pass_unchanged(factor: int):
    times = np.arange(300)
    values = np.stack([np.full(300, 5.0), 0.25 * times - 3.0], axis=1)
    np.testing.assert_allclose(antialias_lowpass(values, factor), values, atol=1e-9)


@pytest.mark.parametrize(
    ("share_of_new_rate", "low", "high"), [(0.25, 0.99, 1.01), (0.55, 0.0, 0.01)]
)
def test_gain_of_a_sine(share_of_new_rate: float, low: float, high: float):
    factor = 16
    sine = np.sin(2 * np.pi * share_of_new_rate / factor * np.arange(4000))
    middle = antialias_lowpass(sine, factor)[1000:3000]
    assert low <= np.sqrt(2.0 * np.mean(middle**2)) <= high


def test_an_impulse_stays_where_it_is():
    values = np.zeros((401, 2, 3))
    values[200] = 1.0
    response = antialias_lowpass(values, 4)
    assert response.shape == (401, 2, 3)
    np.testing.assert_allclose(response, response[::-1], atol=1e-12)
    assert response[:, 0, 0].argmax() == 200


def test_two_samples_are_enough():
    np.testing.assert_allclose(antialias_lowpass(np.array([1.0, 3.0]), 3), [1.0, 3.0])
