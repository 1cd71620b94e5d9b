"""Statistics of a benchmark: nested bootstrap and ensemble vote."""

import numpy as np


def nested_bootstrap(
    values: np.ndarray, subjects: np.ndarray, *, replicates: int = 2000, seed: int = 0
) -> tuple[float, float, float]:
    """Bootstraps a mean over teacher seeds, student seeds, subjects, and clips within subjects.

    Each replicate draws, with replacement, as many of each as there are: teacher seeds, student
    seeds, subjects, and within each drawn subject its clips. Few subjects make it wide, as they
    should.

    Args:
        values: `(teacher seeds, student seeds, clips)`, such as right minus right of another
            method; NaN where a pair of seeds was not run.
        subjects: `(clips,)` who moves.
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
    means = []
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
    """Returns the class that most runs guess, the lowest of equals.

    A method's vote says how much a single student could gain without knowing anything new: the part
    of its errors that chance in training makes. It is no method's figure; it needs all the nets.

    Args:
        guesses: `(runs, clips)` class indices.

    Returns:
        `(clips,)` class indices.
    """
    classes = np.arange(guesses.max(initial=0) + 1)
    counts = (guesses[:, :, None] == classes).sum(axis=0)
    return counts.argmax(axis=1)
