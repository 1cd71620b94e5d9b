"""Scores of how much a decision resembles its class, and the choice of a floor for one of them.

A decision is said from a threshold on and where its class score is not below a floor. The threshold
keeps idle signal silent; the floor is for whole gestures of classes that no training has had.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import logsumexp, softmax

from pskd_tf.evaluation.stream import Decisions, Movement, lowest_threshold, overlaps

_THRESHOLDS = tuple(round(0.01 * step, 2) for step in range(1, 100))
_FLOOR_STEPS = 50
# Of the mean variance; a class may have fewer clips than the embedding has values.
_SHRINKAGE = 0.1

# Of the int8 student's outputs without "none", (decisions, classes), the largest of which is said.
OUTPUT_SCORES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    # Without a floor.
    "none": lambda logits: np.zeros(len(logits)),
    # The class floor of the C core. Hendrycks and Gimpel, ICLR 2017, without the output "none".
    "share": lambda logits: np.asarray(softmax(logits, axis=1).max(axis=1)),
    # Hendrycks et al., ICML 2022 (the maximum logit).
    "logit": lambda logits: logits.max(axis=1),
    # The difference of the two largest.
    "margin": lambda logits: np.diff(np.sort(logits, axis=1)[:, -2:], axis=1)[:, 0],
    # Liu et al., NeurIPS 2020 (the negative free energy at a temperature of 1).
    "energy": lambda logits: np.asarray(logsumexp(logits, axis=1)),
}
DISTANCE = "distance"
CLASS_SCORES = (*OUTPUT_SCORES, DISTANCE)


@dataclass(frozen=True)
class ClassDistance:
    """The squared Mahalanobis distance of an embedding to the nearest class mean, negative.

    All classes share one covariance (Lee et al., NeurIPS 2018, of the last layer's input alone). A
    share of the mean variance is added to its diagonal (ours).

    Attributes:
        means: `(classes, width)`.
        covariance: `(width, width)`.
    """

    means: np.ndarray
    covariance: np.ndarray

    @staticmethod
    def of(embeddings: np.ndarray, labels: np.ndarray) -> "ClassDistance":
        """Takes the means and the covariance of labelled embeddings.

        Args:
            embeddings: `(cuts, width)`.
            labels: `(cuts,)`.
        """
        classes, places = np.unique(labels, return_inverse=True)
        values = embeddings.astype(np.float64)
        means = np.stack([values[labels == label].mean(axis=0) for label in classes])
        rest = values - means[places]
        covariance = rest.T @ rest / len(values)
        width = len(covariance)
        return ClassDistance(
            means, covariance + _SHRINKAGE * np.trace(covariance) / width * np.eye(width)
        )

    def __call__(self, embeddings: np.ndarray) -> np.ndarray:
        """Returns the scores `(cuts,)` of embeddings `(cuts, width)`."""
        factor = cho_factor(self.covariance)
        away = embeddings.astype(np.float64)[:, None] - self.means
        solved = cho_solve(factor, away.reshape(-1, away.shape[2]).T).T.reshape(away.shape)
        return -np.asarray((away * solved).sum(axis=2).min(axis=1))


@dataclass(frozen=True)
class DecidedStream:
    """The decisions over one stream of movements.

    Attributes:
        decisions: In order of time.
        class_scores: `(decisions,)` of each name of `CLASS_SCORES`.
        movements: What is labelled in the stream.
    """

    decisions: Decisions
    class_scores: Mapping[str, np.ndarray]
    movements: Sequence[Movement]

    def said(
        self, score: str, thresholds: np.ndarray, floors: np.ndarray, labels: Sequence[int]
    ) -> tuple[int, np.ndarray, np.ndarray]:
        """Counts the movements of some classes at each pair of a threshold and a floor.

        Args:
            score: Which class score the floor bounds.
            thresholds: `(t,)` least scores.
            floors: `(f,)` least class scores.
            labels: The classes.

        Returns:
            How many movements there are; `(t, f)` how many have a decision for any class, and how
            many have one for their own.
        """
        values = self.class_scores[score]
        count, shape = 0, (len(thresholds), len(floors))
        any_class, right = np.zeros(shape, int), np.zeros(shape, int)
        for one in self.movements:
            if one.label not in labels:
                continue
            over = overlaps(self.decisions, one)
            shown = (self.decisions.score[over, None, None] >= thresholds[:, None]) & (
                values[over, None, None] >= floors
            )
            is_own = self.decisions.best[over] == one.label
            count += 1
            any_class += shown.any(axis=0)
            right += shown[is_own].any(axis=0)
        return count, any_class, right


@dataclass(frozen=True)
class FoldDecisions:
    """What one student decided without the subject that it was not trained on.

    Attributes:
        known: Movements of the trained classes.
        unknown: Movements of classes that were left out.
        idle: Scores of the false decisions by kind of idle signal.
    """

    known: DecidedStream
    unknown: DecidedStream
    idle: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Bounds:
    """What a threshold and a floor must keep.

    Attributes:
        known_right: Least share of the known movements that is right.
        hours: Hours of each kind of idle signal for each fold.
        maximum_false_an_hour: False decisions an hour at most, on each kind.
    """

    known_right: float
    hours: float
    maximum_false_an_hour: float


def choose_floor(
    folds: Sequence[FoldDecisions],
    score: str,
    labels: tuple[Sequence[int], Sequence[int]],
    bounds: Bounds,
) -> tuple[float, float]:
    """Chooses the pair with the fewest unseen movements said of those that keep the bounds.

    Args:
        folds: All choose together.
        score: Which class score the floor bounds.
        labels: The known classes, and those that choose.
        bounds: What must be kept.

    Returns:
        Threshold and floor; without any such pair, the lowest threshold of the bound and minus
        infinity, which bounds nothing.
    """
    kinds = folds[0].idle
    scores = {kind: np.concatenate([one.idle[kind] for one in folds]) for kind in kinds}
    hours = dict.fromkeys(kinds, bounds.hours * len(folds))
    lowest = lowest_threshold(scores, hours, bounds.maximum_false_an_hour)
    thresholds = np.array([lowest, *(one for one in _THRESHOLDS if one > lowest)])
    values = np.concatenate([one.known.class_scores[score] for one in folds])
    steps = np.arange(_FLOOR_STEPS) / _FLOOR_STEPS
    floors = np.concatenate([[-np.inf], np.quantile(values, steps) if len(values) else []])
    known = [one.known.said(score, thresholds, floors, labels[0]) for one in folds]
    unknown = [one.unknown.said(score, thresholds, floors, labels[1]) for one in folds]
    count = sum(one[0] for one in known)
    right = np.sum([one[2] for one in known], axis=0)
    said = np.sum([one[1] for one in unknown], axis=0)
    places = np.argwhere(right >= bounds.known_right * count)
    if not len(places):
        return lowest, -np.inf
    at, below = min(places, key=lambda place: (said[tuple(place)], -right[tuple(place)], *place))
    return float(thresholds[at]), float(floors[below])
