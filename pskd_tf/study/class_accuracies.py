"""Accuracy of each class on the held-out clips."""

from collections.abc import Sequence

import numpy as np

from pskd_tf.reporting.loaded_run import LoadedRun


def class_accuracies(run: LoadedRun, what: str, seeds: Sequence[int]) -> np.ndarray:
    """Averages a model's accuracies over seeds; folds are pooled.

    Args:
        run: The run.
        what: `teachers/<name>`, `students/<kind>`, `baseline`, `pruned` or `int8`.
        seeds: The seeds that it was trained with.

    Returns:
        `(classes,)`, in 0..1; NaN for a class without a held-out clip.
    """
    count = len(run.class_names)
    rates = []
    for seed in seeds:
        part = run.predictions(f"{what}/{seed}")
        clips = np.bincount(part.labels, minlength=count)
        right = np.bincount(part.labels, weights=part.right, minlength=count)
        rates.append(np.where(clips > 0, right / np.maximum(clips, 1), np.nan))
    return np.mean(rates, axis=0)
