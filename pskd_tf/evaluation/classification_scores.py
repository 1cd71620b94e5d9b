"""Accuracy and macro F1 of predictions."""

import numpy as np
from sklearn.metrics import f1_score


def classification_scores(
    labels: np.ndarray, guesses: np.ndarray, on_wrist: np.ndarray
) -> dict[str, float]:
    """Scores predictions of clips.

    Args:
        labels: `(clips,)` true class indices.
        guesses: `(clips,)` predicted class indices.
        on_wrist: `(clips,)` whether the sensor was worn at the wrist.

    Returns:
        `accuracy`, `macro_f1` (over the classes that occur in the labels) and
        `wrist_actions_accuracy` (the clips with the sensor at the wrist alone), as fractions 0..1.
    """
    right = labels == guesses
    occurring = np.unique(labels)
    f1 = f1_score(labels, guesses, labels=occurring, average="macro", zero_division=0)
    wrist = right[on_wrist]
    return {
        "accuracy": float(right.mean()),
        "macro_f1": float(f1),
        "wrist_actions_accuracy": float(wrist.mean()) if len(wrist) else 0.0,
    }
