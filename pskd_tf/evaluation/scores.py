"""Scores of clips: accuracy, macro F1, and the decision over the windows of a clip."""

from collections.abc import Callable

import numpy as np
from scipy.special import softmax
from sklearn.metrics import f1_score

from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import evaluation_views
from pskd_tf.input_settings import InputSettings


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


def clip_probabilities(
    logits: np.ndarray, rows: np.ndarray, num_clips: int, rule: str
) -> np.ndarray:
    """Combines the outputs for the views of each clip.

    Args:
        logits: `(views, classes)`.
        rows: `(views,)` index of each view's clip; every clip has at least one view.
        num_clips: Number of clips.
        rule: `mean` of the views' probabilities, or `vote`: the share of views that chose a
            class, ties going to the higher mean probability.

    Returns:
        `(num_clips, classes)` float64; under `mean`, rows sum to 1.
    """
    probabilities = softmax(logits.astype(np.float64), axis=1)
    counts = np.bincount(rows, minlength=num_clips)[:, None]
    mean = np.zeros((num_clips, logits.shape[1]))
    np.add.at(mean, rows, probabilities)
    mean /= counts
    if rule == "mean":
        return mean
    votes = np.zeros_like(mean)
    np.add.at(votes, (rows, logits.argmax(axis=1)), 1.0)
    # A vote weighs more than any sum of probabilities can.
    return votes / counts + 1e-6 * mean


def score_clips(
    logits_of: Callable[[np.ndarray], np.ndarray], clips: PairedClips, inputs: InputSettings
) -> dict[str, float]:
    """Preprocesses the clips, evaluates an accelerometer model on them and scores its outputs.

    Args:
        logits_of: From features `(views, steps, 1, channels)` in g to logits `(views, classes)`.
        clips: The clips.
        inputs: The preprocessing that the model was trained on.

    Returns:
        The scores, as `classification_scores` gives them.
    """
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    logits = logits_of(views.streams["accelerometer"])
    probabilities = clip_probabilities(logits, views.rows, len(clips), inputs.window_score)
    return classification_scores(clips.labels, probabilities.argmax(axis=1), clips.on_wrist)
