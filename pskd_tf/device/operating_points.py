"""False decisions an hour with their bound, and the curve of recall and false decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.device.decisions import DecisionCounts, at_threshold
from pskd_tf.device.recognizer import Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan
from pskd_tf.evaluation.stream import upper_bound_an_hour


@dataclass(frozen=True)
class FalseRate:
    """False decisions in a stream without movements.

    Attributes:
        false: Number of false decisions.
        hours: Hours that were streamed.
        distinct_hours: Hours of signal of which the stream was made; fewer where parts of it recur.
        an_hour: False decisions an hour.
        upper_bound: Exact one-sided 95 % upper bound of the rate, an hour.
    """

    false: int
    hours: float
    distinct_hours: float
    an_hour: float
    upper_bound: float

    @classmethod
    def of(cls, false: int, hours: float, distinct_hours: float) -> "FalseRate":
        """Computes the rate and its bound.

        A stream that repeats its signal shows no more than the signal itself, so the bound is
        `upper_bound_an_hour` of the distinct hours, with their share of the decisions, rounded up.
        Ours.

        Args:
            false: Number of false decisions.
            hours: Hours that were streamed, above 0.
            distinct_hours: Hours of distinct signal, above 0; at most `hours` count.

        Returns:
            The rate.
        """
        distinct = min(hours, distinct_hours)
        # 3 of 3 hours are 1 of 1; a rounded product may lie above.
        share = int(np.ceil(round(false * distinct / hours, 9)))
        bound = upper_bound_an_hour(share, distinct)
        return cls(false, hours, distinct, false / hours, bound)


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold gives.

    Attributes:
        threshold: The threshold.
        right_share: Share of the movements that are said right.
        false_an_hour: False decisions an hour in each stream without movements, by its name.
    """

    threshold: float
    right_share: float
    false_an_hour: dict[str, float]


def operating_curve(
    spans: Sequence[LabelledSpan],
    decisions: Sequence[Decision],
    idle: Mapping[str, tuple[Sequence[Decision], float]],
    model: ExportedModel,
    thresholds: Sequence[float],
) -> list[OperatingPoint]:
    """Computes recall and false decisions at every threshold, of decisions that stand alone. Ours.

    Args:
        spans: The movements.
        decisions: Those of the movements' recording, at threshold 0.
        idle: Decisions at threshold 0 and hours of each stream without movements.
        model: The export.
        thresholds: At which to compute.

    Returns:
        A point for each threshold, in their order.
    """
    best = np.array([_best_score(span, decisions, model) for span in spans], np.float32)
    points = []
    for threshold in thresholds:
        false = {}
        for name, (said, hours) in idle.items():
            shown = [at_threshold(decision, threshold) for decision in said]
            false[name] = DecisionCounts.of(shown, (), model).false / hours
        share = float((best >= np.float32(threshold)).mean()) if len(best) else 0.0
        points.append(OperatingPoint(float(threshold), share, false))
    return points


def _scores(decisions: Sequence[Decision]) -> np.ndarray:
    return np.array([one.confidence for one in decisions if one.activity >= 0], np.float32)


def _best_score(span: LabelledSpan, decisions: Sequence[Decision], model: ExportedModel) -> float:
    """Returns the highest threshold at which the span is said right; -1 if there is none."""
    scores = [
        decision.confidence
        for decision in decisions
        if decision.activity >= 0 and span.latency([decision], model) is not None
    ]
    return max(scores, default=-1.0)


def curve_thresholds(
    decisions: Sequence[Sequence[Decision]], chosen: float, most: int = 50
) -> list[float]:
    """Returns the thresholds at which a curve changes, thinned evenly by rank.

    Args:
        decisions: Of each stream, at threshold 0.
        chosen: A threshold that must be among them.
        most: Largest number of the others.

    Returns:
        The thresholds, ascending, 0 the first.
    """
    scores = np.unique(np.concatenate([_scores(one) for one in decisions] or [np.zeros(0)]))
    places = np.unique(np.linspace(0, len(scores) - 1, most).round().astype(int))
    kept = scores[places] if len(scores) else scores
    return sorted({0.0, float(chosen), *map(float, kept)})
