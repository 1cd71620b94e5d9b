"""The choice of the clips from which the converter reads activation ranges."""

import numpy as np

from data_prep.user_error import UserError


def calibration_clips(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws clips so that every class has its share.

    Classes take turns until `count` clips are drawn, so any two classes that are not exhausted
    differ by at most one clip. The caller passes training subjects only. Source: ours.

    Args:
        labels: `(clips,)` integer classes of the training clips.
        count: Number of clips to draw.
        seed: Seed of the draw.

    Returns:
        `(count,)` sorted indices into `labels`, each at most once.

    Raises:
        UserError: `count` is below 1 or above the number of clips.
    """
    labels = np.asarray(labels)
    if not 1 <= count <= len(labels):
        raise UserError(f"The calibration set takes 1 to {len(labels)} clips", count)
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    # Rank of each clip within its class, then classes in random order within one rank.
    classes, codes = np.unique(labels, return_inverse=True)
    turn_of_class = generator.permutation(len(classes))
    rank = np.empty(len(labels), np.int64)
    for code in range(len(classes)):
        members = shuffled[codes[shuffled] == code]
        rank[members] = np.arange(len(members))
    order = np.lexsort((turn_of_class[codes], rank))
    return np.sort(order[:count])
