"""From the logits of a clip's views to the clip's class probabilities."""

import numpy as np
from scipy.special import softmax


def clip_probabilities(
    logits: np.ndarray, rows: np.ndarray, num_clips: int, rule: str
) -> np.ndarray:
    """Lets the views of each clip decide together.

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
