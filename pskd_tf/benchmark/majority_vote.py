"""What several trainings say together."""

import numpy as np


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
