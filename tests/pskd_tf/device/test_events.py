"""Counts of events in closed form, and Ward's categories against the package of the paper."""

import dataclasses
from pathlib import Path

import pytest
import wardmetrics
from hypothesis import given, strategies as st

from pskd_tf.device.decisions import DecisionCounts, TimelineRow, at_threshold
from pskd_tf.device.events import (
    EventCategories,
    EventMatches,
    FalseRate,
    Latency,
    LossTable,
    OperatingPoint,
    all_matches,
    curve_thresholds,
    event_categories,
    latencies,
    loss_table,
    matched_events,
    operating_curve,
)
from pskd_tf.device.recognizer import NO_SIGNAL, UNKNOWN, Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan
from pskd_tf.evaluation.stream import upper_bound_an_hour

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


def test_repeated_signal_bounds_no_more_than_itself():
    day = FalseRate.of(0, 24.0, 24.0)
    assert day.upper_bound == upper_bound_an_hour(0, 24.0)
    assert (day.an_hour, day.upper_bound) == (0.0, pytest.approx(2.9957 / 24, abs=1e-4))
    assert FalseRate.of(0, 24.0, 100.0) == day
    repeated = FalseRate.of(0, 24.0, 0.1)
    assert repeated.upper_bound == pytest.approx(29.957, abs=1e-2)
    # Three decisions in three hours of the same hour are one in it; four are more than one.
    assert FalseRate.of(3, 3.0, 1.0).upper_bound == upper_bound_an_hour(1, 1.0)
    assert FalseRate.of(4, 3.0, 1.0).upper_bound == upper_bound_an_hour(2, 1.0)
    assert FalseRate.of(3, 3.0, 1.0).an_hour == 1.0


SPANS = _spans("a", (0, 2), (10, 12), (20, 22), (30, 32), (40, 42), (50, 52), (60, 62))
# Nothing at 0; one piece at 10, two at 20; at 30 and 40 another class, at 50 and 60 the right one.
PIECES = [(10, 11), (20, 21), (21, 22), (30, 32), (40, 42), (50, 52), (60, 62), (70, 72)]
DECISIONS = [
    _said(30, 32, 1, 0.9),
    _said(40, 42, 1, 0.8),
    _said(50, 52, 0, 0.25),
    _said(60, 62, 0, 0.5),
    _said(70, 72, 1, 0.7),
]


def _losses(spans, decisions, on_clip_borders, threshold):
    said = [at_threshold(decision, threshold) for decision in decisions]
    return loss_table(spans, PIECES, decisions, said, on_clip_borders, MODEL)


def test_each_loss_once():
    on_clip_borders = [0, 0, 0, 1, 0, 0, 1]
    table = _losses(SPANS, DECISIONS, on_clip_borders, 0.5)
    assert table == LossTable(1, 1, 1, 1, 1, 1, 1) and table.movements == 7
    strict = _losses(SPANS, DECISIONS, on_clip_borders, 0.6)
    assert strict == LossTable(1, 1, 1, 1, 1, 2, 0)
    with pytest.raises(ValueError):
        _losses(SPANS, DECISIONS, [0], 0.5)


def test_what_only_the_class_floor_keeps_is_below_the_threshold():
    kept = [Decision(0, None, 0, 2, 2, UNKNOWN, 0, 0.9, None)]
    assert _losses(SPANS[:1], kept, [1], 0.0) == LossTable(below_threshold=1)
    # The best output is that of a null class, which has no name.
    none = [Decision(0, None, 0, 2, 2, UNKNOWN, 2, 0.9, None)]
    assert _losses(SPANS[:1], none, [0], 0.0) == LossTable(wrong_on_the_cut=1)


def test_what_is_no_number_is_classified_wrongly():
    decisions = [Decision(0, None, 0, 2, 2, UNKNOWN, 0, float("nan"), None)]
    table = _losses(SPANS[:1], decisions, [0], 0.0)
    assert table == LossTable(wrong_on_the_cut=1)


def test_the_curve_has_the_counts_of_each_threshold():
    idle = [_said(0, 1, 1, 0.3), _said(2, 3, 0, 0.5), _said(4, 5, UNKNOWN, float("nan"))]
    idle.append(Decision(0, None, 9, 9, 9, NO_SIGNAL, -1, 0.0, None))
    thresholds = curve_thresholds([DECISIONS, idle], 0.4)
    assert thresholds == pytest.approx([0, 0.25, 0.3, 0.4, 0.5, 0.7, 0.8, 0.9])
    curve = operating_curve(SPANS, DECISIONS, {"idle": (idle, 2.0)}, MODEL, thresholds)
    for point in curve:
        said, false = (
            [at_threshold(one, point.threshold) for one in each] for each in (DECISIONS, idle)
        )
        assert point.right_share == DecisionCounts.of(said, SPANS, MODEL).right / len(SPANS)
        assert point.false_an_hour == {"idle": DecisionCounts.of(false, (), MODEL).false / 2.0}
    assert curve[0] == OperatingPoint(0.0, 2 / 7, {"idle": 1.0})
    assert curve[3] == OperatingPoint(0.4, 1 / 7, {"idle": 0.5})
    assert curve_thresholds([], 0.5) == [0.0, 0.5]
    assert len(curve_thresholds([DECISIONS], 0.5, 2)) == 4
