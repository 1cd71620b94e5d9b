"""Scores of a decision's class by closed forms, what counts as said, and the choice of a floor."""

import numpy as np
import pytest

from pskd_tf.develop.class_scores import (
    CLASS_SCORES,
    OUTPUT_SCORES,
    Bounds,
    ClassDistance,
    DecidedStream,
    FoldDecisions,
    choose_floor,
)
from pskd_tf.evaluation.stream import Decisions, Movement


def test_scores_of_outputs():
    logits = np.log([[6.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
    expected = {
        "none": [0.0, 0.0],
        "share": [0.6, 1 / 3],
        "logit": [np.log(6.0), 0.0],
        "margin": [np.log(2.0), 0.0],
        "energy": [np.log(10.0), np.log(3.0)],
    }
    assert set(expected) == set(OUTPUT_SCORES)
    for name, values in expected.items():
        assert OUTPUT_SCORES[name](logits) == pytest.approx(values), name


def test_the_distance_is_that_of_mahalanobis_to_the_nearest_mean():
    generator = np.random.default_rng(0)
    scales = np.array([1.0, 3.0])
    embeddings = generator.normal(size=(4000, 2)) * scales
    labels = np.arange(4000) % 2
    embeddings[labels == 1] += [10.0, 0.0]
    distance = ClassDistance.of(embeddings, labels)
    # A tenth of the mean variance, 5, is added to each variance.
    at = np.array([[0.0, 0.0], [0.0, 3.0], [10.0, -3.0], [5.0, 0.0]])
    expected = [0.0, -9 / 9.5, -9 / 9.5, -25 / 1.5]
    assert distance(at) == pytest.approx(expected, rel=0.1, abs=0.02)


def decided(labels, best, score, shares):
    """A decision for each movement of 50 samples."""
    places = 100 * np.arange(len(labels))
    decisions = Decisions(
        *(0 * places, places + 5, places + 45, places + 60, np.array(best), np.array(score)),
        np.zeros(len(places), bool),
    )
    movements = [
        Movement(place, place + 50, label) for place, label in zip(places, labels, strict=True)
    ]
    values = dict.fromkeys(CLASS_SCORES, np.zeros(len(places))) | {"share": np.array(shares)}
    return DecidedStream(decisions, values, movements)


def test_a_movement_is_said_from_the_threshold_and_the_floor_on():
    one = decided([0, 0, 1, 2], [0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6], [0.9, 0.5, 0.6, 0.4])
    thresholds, floors = np.array([0.0, 0.6, 0.75]), np.array([0.0, 0.41, 0.55])
    count, any_class, right = one.said("share", thresholds, floors, (0, 1))
    assert count == 3
    assert any_class.tolist() == [[3, 3, 2], [3, 3, 2], [2, 2, 1]]
    assert right.tolist() == [[2, 2, 2], [2, 2, 2], [1, 1, 1]]
    count, any_class, right = one.said("share", thresholds, floors, (2,))
    assert count == 1 and right.sum() == 0
    assert any_class.tolist() == [[1, 0, 0], [1, 0, 0], [0, 0, 0]]


KNOWN = decided([0] * 10, [0] * 10, [0.9] * 10, [0.3, *np.linspace(0.8, 0.9, 9)])
UNKNOWN = decided([1] * 4, [0] * 4, [0.95] * 4, [0.2, 0.4, 0.6, 0.95])
IDLE = {"postures": np.array([0.7, 0.5]), "tails": np.zeros(0)}


def test_the_floor_that_tells_unseen_from_known_is_found():
    fold = FoldDecisions(KNOWN, UNKNOWN, IDLE)
    threshold, floor = choose_floor([fold], "share", ((0,), (1,)), Bounds(0.85, 1.0, 1.0))
    # One false decision of the hour may stay, so the lowest threshold is just above 0.5.
    assert 0.5 < threshold <= 0.9 and 0.6 < floor <= 0.8
    assert KNOWN.said("share", np.array([threshold]), np.array([floor]), (0,))[2] == 9
    # Without a floor all four are said; the choice is then by the known alone.
    threshold, floor = choose_floor([fold], "none", ((0,), (1,)), Bounds(0.85, 1.0, 1.0))
    assert UNKNOWN.said("none", np.array([threshold]), np.array([floor]), (1,))[1] == 4


def test_folds_choose_together():
    """One fold alone would take a floor that costs the other all of its movements."""
    low = decided([0] * 10, [0] * 10, [0.9] * 10, [0.5] * 10)
    bounds = Bounds(0.85, 1.0, 1.0)
    folds = [FoldDecisions(KNOWN, UNKNOWN, IDLE), FoldDecisions(low, UNKNOWN, IDLE)]
    threshold, floor = choose_floor(folds, "share", ((0,), (1,)), bounds)
    assert 0.4 < floor <= 0.5 < threshold
    # Two hours and two false decisions of each kind: the bound is the same.
    assert threshold < 0.7


def test_without_enough_known_right_nothing_is_bounded():
    wrong = decided([0] * 4, [1] * 4, [0.9] * 4, [0.9] * 4)
    fold = FoldDecisions(wrong, wrong, {kind: np.array([0.2]) for kind in IDLE})
    threshold, floor = choose_floor([fold], "share", ((0,), (1,)), Bounds(0.85, 1.0, 0.0))
    assert floor == -np.inf and 0.2 < threshold < 0.21
