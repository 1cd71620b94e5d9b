"""Counts of events in closed form, and Ward's categories against the package of the paper."""

import dataclasses
from pathlib import Path

import pytest
import wardmetrics
from hypothesis import given, strategies as st

from pskd_tf.device.decisions import TimelineRow
from pskd_tf.device.events import (
    EventCategories,
    EventMatches,
    Latency,
    all_matches,
    event_categories,
    latencies,
    matched_events,
)
from pskd_tf.device.recognizer import Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan

MODEL = ExportedModel(Path("none"), ("a", "b"), True, 0.0)


def _spans(label, *borders):
    return [LabelledSpan(start, end, label) for start, end in borders]


def _rows(label, *borders):
    return [TimelineRow(start, end, label, 0.9) for start, end in borders]


def _said(start, end, activity, confidence):
    return Decision(0, None, start, end, end + 0.5, activity, max(activity, 0), confidence, None)


def test_matches_of_each_class_and_their_sum():
    spans = _spans("a", (0, 2), (4, 6))
    # Half of the first, which is enough; a fifth of the second with its union, and a wrong class.
    rows = [*_rows("a", (0, 1), (5, 9)), *_rows("b", (4, 6)), *_rows("unknown", (7, 8))]
    matches = matched_events(spans, rows, MODEL.class_names)
    assert matches == {"a": EventMatches(2, 2, 1), "b": EventMatches(0, 1, 0)}
    total = all_matches(matches)
    assert total == EventMatches(2, 3, 1)
    assert (total.precision, total.recall, total.f1) == (1 / 3, 1 / 2, 2 / 5)
    assert matches["b"].f1 == matches["b"].recall == EventMatches(0, 0, 0).f1 == 0
    assert matched_events(spans, rows, MODEL.class_names, 0.51)["a"].matched == 0


def test_a_match_is_one_to_one_and_as_many_as_can_be():
    assert matched_events(_spans("a", (0, 2), (1, 3)), _rows("a", (0, 3)), "a")["a"].matched == 1
    # The first said event would fit both; only with the second labelled one are there two pairs.
    spans, rows = _spans("a", (0, 4), (2, 6)), _rows("a", (1, 5), (0, 3))
    assert matched_events(spans, rows, "a")["a"].matched == 2


LABELLED = [(0, 10), (20, 30), (40, 60), (70, 75), (78, 85), (100, 110), (115, 120)]
SAID = [(1, 9), (41, 45), (50, 55), (71, 84), (100, 103), (106, 118), (130, 140)]


def test_every_category_once():
    """Correct, deleted, fragmented, two merged, one fragmented and merged with its neighbour."""
    expected = EventCategories(
        correct=1,
        deleted=1,
        fragmented=1,
        merged=3,
        fragmented_and_merged=1,
        inserted=1,
        fragmenting=3,
        merging=1,
        fragmenting_and_merging=1,
    )
    said = [*_rows("a", *SAID), *_rows("b", (20, 30)), *_rows("unknown", (20, 30))]
    found = event_categories(_spans("a", *LABELLED), said, MODEL.class_names)
    assert found == {"a": expected, "b": EventCategories(inserted=1)}
    assert found["a"] + found["b"] == dataclasses.replace(expected, inserted=2)
    assert _of_the_package(LABELLED, SAID) == expected


def test_events_that_touch_are_one_and_borders_alone_are_no_overlap():
    touching = event_categories(_spans("a", (0, 4)), _rows("a", (0, 2), (2, 4)), "a")["a"]
    assert touching == EventCategories(correct=1)
    beside = event_categories(_spans("a", (0, 4)), _rows("a", (4, 5)), "a")["a"]
    assert beside == EventCategories(deleted=1, inserted=1)
    assert event_categories([], [], "a")["a"] == EventCategories()


def _of_the_package(labelled, said):
    # It changes the lists that it is given.
    counts = wardmetrics.eval_events([*labelled], [*said])[2]
    names = ("C", "D", "F", "M", "FM", "I'", "F'", "M'", "FM'")
    return EventCategories(*(counts[name] for name in names))


def _overlap(one, other):
    return one[0] < other[1] and other[0] < one[1]


def test_two_events_that_merge_and_fragment_the_same_one_are_alike():
    """The package calls the second one merging alone; in the paper's definition it is both."""
    labelled, said = [(0, 1), (2, 5), (6, 7)], [(0, 3), (4, 7)]
    found = event_categories(_spans("a", *labelled), _rows("a", *said), "a")["a"]
    ours = EventCategories(merged=2, fragmented_and_merged=1, fragmenting_and_merging=2)
    assert found == ours
    theirs = dataclasses.replace(ours, merging=1, fragmenting_and_merging=1)
    assert _of_the_package(labelled, said) == theirs


@st.composite
def _events(draw):
    borders = sorted(draw(st.sets(st.integers(0, 40), min_size=2, max_size=16)))
    return list(zip(borders[0::2], borders[1::2], strict=False))


@given(_events(), _events())
def test_categories_are_those_of_ward_metrics(labelled, said):
    found = event_categories(_spans("a", *labelled), _rows("a", *said), "a")["a"]
    expected = _of_the_package(labelled, said)
    merging = [one for one in said if sum(_overlap(one, event) for event in labelled) > 1]
    if any(sum(_overlap(one, event) for one in merging) > 1 for event in labelled):
        # The package may then say of the second of them that it only merges.
        assert found.fragmenting_and_merging >= expected.fragmenting_and_merging
        both = found.merging + found.fragmenting_and_merging
        assert both == expected.merging + expected.fragmenting_and_merging
        expected = dataclasses.replace(
            expected,
            merging=found.merging,
            fragmenting_and_merging=found.fragmenting_and_merging,
        )
    assert found == expected
    lost = found.deleted + found.fragmented + found.merged + found.fragmented_and_merged
    assert found.correct + lost == len(labelled)
    wrong = found.inserted + found.fragmenting + found.merging + found.fragmenting_and_merging
    assert found.correct + wrong == len(said)


def test_latency_from_start_and_from_end():
    spans = [*_spans("a", (1, 3), (5, 7), (9, 10)), *_spans("b", (12, 14))]
    decisions = [_said(1, 3, 0, 0.9), _said(5, 6, 0, 0.9), _said(9, 10, 1, 0.9)]
    # Decided at 3.5 and at 6.5: half a second behind the first, within the second.
    assert latencies(spans, decisions, MODEL) == ([2.5, 1.5], [0.5, -0.5])
    assert Latency.of([5, 1, 2, 4, 3]) == Latency(3.0, pytest.approx(4.6), 5.0)
    assert Latency.of([]) is None
