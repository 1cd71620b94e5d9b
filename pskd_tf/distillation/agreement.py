"""Calibration of teachers without labels: confidence set to the agreement with other teachers."""

from collections.abc import Mapping

import numpy as np
from scipy.optimize import brentq
from scipy.special import softmax

# Logarithms of the lowest and the highest temperature.
_LOW, _HIGH = np.log(0.05), np.log(20.0)


def agreement_temperatures(
    logits: Mapping[str, np.ndarray], available: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """Returns a temperature T for each teacher, which divides its logits.

    T is such that the mean of the largest probability of `softmax(z / T)` equals the mean
    agreement: the share of the other teachers whose most probable class is the same, averaged over
    the clips that both can see. Needs no labels.

    Args:
        logits: `(clips, classes)` of each teacher, by name.
        available: `(clips,)` bool, whether the teacher can see the clip, by name.

    Returns:
        Temperatures in 0.05 .. 20, by name; 1 for a teacher that shares no clip with another.
        Source: ours.
    """
    guesses = {name: one.argmax(axis=1) for name, one in logits.items()}
    found = {}
    for name, own in logits.items():
        agreements = []
        for other in logits:
            both = available[name] & available[other]
            if other != name and both.any():
                agreements.append(float((guesses[name] == guesses[other])[both].mean()))
        if not agreements:
            found[name] = 1.0
            continue
        agreement = float(np.mean(agreements))
        seen = own[available[name]].astype(np.float64)

        # Defaults bind this teacher's values.
        def excess(
            log_temperature: float, seen: np.ndarray = seen, agreement: float = agreement
        ) -> float:
            largest = softmax(seen / np.exp(log_temperature), axis=1).max(axis=1)
            return float(largest.mean()) - agreement

        # Confidence falls with temperature.
        if excess(_LOW) <= 0:
            found[name] = float(np.exp(_LOW))
        elif excess(_HIGH) >= 0:
            found[name] = float(np.exp(_HIGH))
        else:
            found[name] = float(np.exp(brentq(excess, _LOW, _HIGH, xtol=1e-6)))
    return found
