"""The few figures that a report computes itself."""

import numpy as np
import pytest

from pskd_tf.reporting.comparison import ComparedRun, paired_values, settings_differences
from pskd_tf.reporting.replay import plane_places
from pskd_tf.reporting.scored_models import calibration_error, reliability_bins
from pskd_tf.reporting.tables import paired_interval, paired_text
from pskd_tf.reporting.training_sections import chosen_clips
from pskd_tf.stage_record import Predictions


def predictions(probabilities: list, labels: list) -> Predictions:
    count = len(labels)
    names = np.array([f"c{number}" for number in range(count)])
    return Predictions(names, np.array(labels), np.ones(count, bool), np.array(probabilities))


def test_the_interval_is_that_of_students_t():
    """Three values 0, 1, 2: mean 1, standard deviation 1, t(0.975, 2) = 4.3027."""
    low, high = paired_interval([0.0, 1.0, 2.0])
    assert (low, high) == pytest.approx((1 - 4.3027 / 3**0.5, 1 + 4.3027 / 3**0.5), abs=1e-4)
    assert paired_interval([0.3]) is None


def test_words_about_a_difference_promise_no_more_than_n():
    assert paired_text([0.02]) == "+2.0 points (paired by seed, n = 1: one seed shows no spread)"
    assert paired_text([0.01, -0.01]).endswith("which includes zero)")
    assert paired_text([0.010, 0.011, 0.012]).endswith("which excludes zero)")


def test_calibration_error_by_hand():
    """Two answers at 0.95, one right; two at 0.55, both right: (2 * .45 + 2 * .45) / 4."""
    part = predictions([[0.95, 0.05], [0.95, 0.05], [0.55, 0.45], [0.55, 0.45]], [0, 1, 0, 0])
    confidence, accuracy, counts = reliability_bins([part])
    assert counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 0, 2]
    assert (confidence[9], accuracy[9], accuracy[5]) == pytest.approx((0.95, 0.5, 1.0))
    assert calibration_error(confidence, accuracy, counts) == pytest.approx(0.45)


def test_shown_clips_follow_the_stated_rule():
    sure = [0.9, 0.8, 0.7, 0.6, 0.95]
    part = predictions([[one, 1 - one] for one in sure], [0, 0, 0, 1, 0])
    # Right ones by confidence: 4, 0, 1, 2; the only wrong one is 3.
    assert chosen_clips(part) == [4, 1, 2, 3]


def test_places_are_seeded_and_few_clips_do_without_neighbours():
    embedding = np.random.default_rng(0).normal(size=(40, 6))
    first = plane_places(embedding)
    assert first.shape == (40, 2)
    np.testing.assert_array_equal(first, plane_places(embedding))
    assert plane_places(embedding[:3]).shape == (3, 2)
    assert plane_places(embedding[:1]).tolist() == [[0.0, 0.0]]


def test_a_net_that_says_the_same_of_every_clip_has_one_place():
    """t-SNE divides by their spread: it gave NaN and then a segmentation fault."""
    np.testing.assert_array_equal(plane_places(np.full((40, 8), 0.3)), np.zeros((40, 2)))


def compared(name: str, seeds: list[int], accuracies: list[float], **settings) -> ComparedRun:
    metrics = {
        "dataset": "d",
        "protocol": "p",
        "folds": [],
        "seeds": seeds,
        "student": {"float": {"accuracy": {"values": accuracies}}},
    }
    return ComparedRun(name, metrics, settings)


def test_runs_are_paired_by_seed_and_only_on_the_same_clips():
    first = compared("a", [1, 2, 3], [0.5, 0.6, 0.7])
    other = compared("b", [3, 1], [0.9, 0.6])
    assert paired_values(first, other, "float") == pytest.approx([0.1, 0.2])
    assert paired_values(first, compared("c", [9], [0.5]), "float") is None
    other.metrics["folds"] = [{"train_subjects": ["1"], "test_subjects": ["2"]}]
    assert paired_values(first, other, "float") is None


def test_only_settings_that_differ_are_listed():
    first = compared("a", [1], [0.5], acs={"selection": "hard", "temperature": 4.0}, views=[1])
    other = compared("b", [1], [0.5], acs={"selection": "soft", "temperature": 4.0}, views=[1, 2])
    assert settings_differences([first, other]) == {
        "acs.selection": ["hard", "soft"],
        "views": ["1", "1, 2"],
    }
