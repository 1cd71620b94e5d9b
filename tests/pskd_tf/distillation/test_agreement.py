"""Temperatures from the agreement of teachers."""

import numpy as np
import pytest
from scipy.special import softmax

from pskd_tf.distillation.agreement import agreement_temperatures


def _margins(signs, margin):
    """Logits of two classes, apart by `margin`, the first class where the sign is positive."""
    return np.stack([np.array(signs) * margin, np.zeros(len(signs))], axis=1)


def test_confidence_becomes_the_agreement_closed_form():
    # They agree on three of four clips: sigmoid(margin / T) = 3/4, so T = margin / ln 3.
    logits = {"a": _margins([1, 1, 1, 1], 4.0), "b": _margins([1, 1, 1, -1], 2.0)}
    every = dict.fromkeys(logits, np.ones(4, bool))
    temperatures = agreement_temperatures(logits, every)
    assert temperatures["a"] == pytest.approx(4.0 / np.log(3), rel=1e-5)
    assert temperatures["b"] == pytest.approx(2.0 / np.log(3), rel=1e-5)


def test_the_mean_confidence_is_the_mean_agreement_with_the_others():
    generator = np.random.default_rng(0)
    shared = 3 * generator.normal(size=(200, 5))
    logits = {name: shared + 3 * generator.normal(size=(200, 5)) for name in "abc"}
    every = dict.fromkeys(logits, np.ones(200, bool))
    for name, temperature in agreement_temperatures(logits, every).items():
        guesses = {one: values.argmax(axis=1) for one, values in logits.items()}
        others = [np.mean(guesses[name] == guesses[one]) for one in logits if one != name]
        confidence = softmax(logits[name] / temperature, axis=1).max(axis=1).mean()
        assert confidence == pytest.approx(np.mean(others), abs=1e-5)


def test_only_clips_that_both_can_see_count():
    logits = {"a": _margins([1, 1, 1, 1], 4.0), "b": _margins([1, 1, -1, -1], 2.0)}
    seen = {"a": np.ones(4, bool), "b": np.array([True, True, False, False])}
    # They agree wherever both see, which no temperature reaches.
    assert agreement_temperatures(logits, seen)["a"] == pytest.approx(0.05)
    nowhere = {"a": ~seen["b"], "b": seen["b"]}
    assert agreement_temperatures(logits, nowhere) == {"a": 1.0, "b": 1.0}


def test_a_teacher_alone_keeps_its_confidence():
    assert agreement_temperatures({"a": _margins([1], 1.0)}, {"a": np.ones(1, bool)}) == {"a": 1.0}
