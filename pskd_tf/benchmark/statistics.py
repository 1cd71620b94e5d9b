"""The statistics of a board: spreads over runs, and paired differences with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import mode


@dataclass(frozen=True)
class Spread:
    """A figure over runs.

    Attributes:
        mean: Mean.
        std: Sample standard deviation; 0 for one run.
        count: Number of runs.
    """

    mean: float
    std: float
    count: int

    @staticmethod
    def of(values: Sequence[float] | np.ndarray) -> "Spread":
        """Returns the spread of values; its mean is NaN where there are none."""
        if not len(values):
            return Spread(float("nan"), 0.0, 0)
        std = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        return Spread(float(np.mean(values)), std, len(values))


@dataclass(frozen=True)
class Difference:
    """A paired difference with its 95 % interval from `nested_bootstrap`."""

    mean: float
    low: float
    high: float


def paired_difference(
    mine: Mapping[tuple[int, int], np.ndarray],
    others: Mapping[tuple[int, int], np.ndarray],
    subjects: np.ndarray,
    replicates: int,
) -> Difference | None:
    """Pairs the runs of two methods by student seed and bootstraps the mean difference.

    Args:
        mine: By teacher and student seed, `(clips,)` 1 where a run is right on a clip, else 0.
        others: The same of the method to subtract. A method without teachers has the teacher seed
            -1; it is paired with the mean of the other's runs of the same student seed.
        subjects: `(clips,)` subject of each clip.
        replicates: Of the bootstrap.

    Returns:
        The difference; None where no run has a partner.
    """
    teacher_seeds = sorted({teacher for teacher, _ in mine})
    student_seeds = sorted({student for _, student in mine})
    # Teachers of one student each are drawn with it, not beside it.
    together = len(teacher_seeds) == len(student_seeds) == len(mine)
    rows = 1 if together else len(teacher_seeds)
    values = np.full((rows, len(student_seeds), len(subjects)), np.nan)
    for (teacher, student), right in mine.items():
        partners = [
            other
            for (other_teacher, other_student), other in others.items()
            if other_student == student
            and (other_teacher == teacher or -1 in (teacher, other_teacher))
        ]
        if partners:
            row = 0 if together else teacher_seeds.index(teacher)
            values[row, student_seeds.index(student)] = right - np.mean(partners, axis=0)
    if np.isnan(values).all():
        return None
    return Difference(*nested_bootstrap(values, subjects, replicates=replicates))


def nested_bootstrap(
    values: np.ndarray, subjects: np.ndarray, *, replicates: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Bootstraps a mean over teacher seeds, student seeds, subjects, and clips within subjects.

    Each replicate draws, with replacement, as many of each as there are: teacher seeds, student
    seeds, subjects, and within each drawn subject its clips.

    Args:
        values: `(teacher seeds, student seeds, clips)`, such as the difference of two methods'
            correctness (0 or 1); NaN where a pair of seeds was not run.
        subjects: `(clips,)` subject of each clip.
        replicates: Number of replicates.
        seed: Seed of the draws.

    Returns:
        The mean over what was run, and the ends of the 95 % percentile interval. Source: the
        percentile bootstrap (Efron 1979) over crossed factors; the nesting is ours.
    """
    generator = np.random.default_rng(seed)
    ran = ~np.isnan(values[:, :, 0])
    filled = np.nan_to_num(values)
    teachers, students, _ = values.shape
    rows = [np.flatnonzero(subjects == one) for one in np.unique(subjects)]
    means: list[float] = []
    while len(means) < replicates:
        of_teachers = np.bincount(generator.integers(teachers, size=teachers), minlength=teachers)
        of_students = np.bincount(generator.integers(students, size=students), minlength=students)
        pairs = of_teachers[:, None] * of_students[None, :] * ran
        if not pairs.sum():
            continue  # drew only pairs that were not run
        of_clips = np.zeros(len(subjects))
        for drawn in generator.integers(len(rows), size=len(rows)):
            np.add.at(of_clips, generator.choice(rows[drawn], size=len(rows[drawn])), 1.0)
        total = np.einsum("tsc,ts,c->", filled, pairs, of_clips)
        means.append(total / (pairs.sum() * of_clips.sum()))
    low, high = np.percentile(means, [2.5, 97.5])
    return float(values[ran].mean()), float(low), float(high)


def majority_vote(guesses: np.ndarray) -> np.ndarray:
    """Returns the class that most runs predict, the lowest of equals: an ensemble's vote.

    It shows how much of a method's errors is chance in training. It is not a result of the method,
    because it needs the nets of all runs.

    Args:
        guesses: `(runs, clips)` class indices.

    Returns:
        `(clips,)` class indices.
    """
    return np.asarray(mode(guesses, axis=0).mode)


def percent_text(spread: Spread | None, with_count: bool = True) -> str:
    """Returns mean +- sample standard deviation in % and the number of runs; nothing for None.

    Args:
        spread: Of fractions 0..1; one run has no deviation.
        with_count: Whether the number of runs follows in brackets.
    """
    if spread is None:
        return ""
    text = f"{100 * spread.mean:.1f}"
    if spread.count > 1:
        text += f" +- {100 * spread.std:.1f}"
    return f"{text} ({spread.count})" if with_count else text


def points_text(difference: Difference | None) -> str:
    """Returns a difference and its interval in points; nothing for None."""
    if difference is None:
        return ""
    low, high = 100 * difference.low, 100 * difference.high
    return f"{100 * difference.mean:+.1f} [{low:+.1f}, {high:+.1f}]"
