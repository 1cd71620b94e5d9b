"""The temperature that fits a teacher's confidence, where it is known in closed form."""

import numpy as np
import pytest

from pskd_tf.reporting.pictures import calibration


@pytest.mark.parametrize("height", [0.5, 2.0, 6.0])
def test_two_classes_at_one_height_are_fitted_exactly(height):
    """Right on 9 of 10 with logits (h, 0): sigmoid(h / T) = 0.9, so T = h / ln 9."""
    labels = np.array([0] * 9 + [1])
    logits = np.tile([height, 0.0], (10, 1))
    found = calibration(logits, labels)
    assert found.accuracy == 0.9
    assert found.confidence == pytest.approx(1 / (1 + np.exp(-height)))
    assert found.temperature == pytest.approx(height / np.log(9), rel=1e-3)
    assert found.calibrated_loss == pytest.approx(-(0.9 * np.log(0.9) + 0.1 * np.log(0.1)))
    wrong = 0.1 * height + np.log1p(np.exp(-height))
    assert found.loss == pytest.approx(wrong)


def test_outputs_drawn_from_their_own_probabilities_need_no_change():
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2.0, size=(20_000, 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (shares.cumsum(axis=1) < generator.uniform(size=(20_000, 1))).sum(axis=1)
    found = calibration(logits, labels)
    assert found.temperature == pytest.approx(1.0, abs=0.03)
    assert found.calibrated_loss <= found.loss
