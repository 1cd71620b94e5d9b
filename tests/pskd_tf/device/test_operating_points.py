"""Bounds of false decisions in closed form, and a curve against counts at each threshold."""

import pytest

from pskd_tf.device.decisions import DecisionCounts, at_threshold
from pskd_tf.device.operating_points import (
    FalseRate,
    OperatingPoint,
    curve_thresholds,
    operating_curve,
)
from pskd_tf.device.recognizer import NO_SIGNAL, UNKNOWN, Decision
from pskd_tf.evaluation.stream import upper_bound_an_hour
from seven_movements import DECISIONS, MODEL, SPANS, said_once


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


def test_the_curve_has_the_counts_of_each_threshold():
    idle = [
        said_once(0, 1, 1, 0.3),
        said_once(2, 3, 0, 0.5),
        said_once(4, 5, UNKNOWN, float("nan")),
    ]
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
