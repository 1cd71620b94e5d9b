"""Whether a teacher is as sure as it is right, and what temperature would make it so."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Calibration:
    """How well a teacher's probabilities fit.

    Attributes:
        accuracy: Share of clips that it is right about, 0..1.
        confidence: Mean probability of the class that it says, 0..1.
        loss: Mean cross-entropy, in nats.
        temperature: T above 0 that lowers the mean cross-entropy of `softmax(logits / T)` most.
        calibrated_loss: Mean cross-entropy at that T, in nats.
    """

    accuracy: float
    confidence: float
    loss: float
    temperature: float
    calibrated_loss: float


def calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fits the temperature to outputs on clips that the teacher did not train on.

    Args:
        logits: `(clips, classes)`.
        labels: `(clips,)` class indices.

    Returns:
        The figures. T is searched between 0.05 and 20. Source: temperature scaling, Guo et al.,
        ICML 2017.
    """
    logits = np.asarray(logits, float)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(-log_softmax(scaled, axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=np.log([_COLDEST, _HOTTEST]), method="bounded")
    return Calibration(
        accuracy=float((logits.argmax(axis=1) == labels).mean()),
        confidence=float(np.exp(log_softmax(logits, axis=1).max(axis=1)).mean()),
        loss=loss(0.0),
        temperature=float(np.exp(found.x)),
        calibrated_loss=float(found.fun),
    )
