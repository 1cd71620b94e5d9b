"""k-fold cross-validation by subject."""

from collections.abc import Sequence

import numpy as np

from data_prep.protocols.protocol import Split
from data_prep.user_error import UserError


def subject_folds(subjects: Sequence[str], num_folds: int, seed: int = 0) -> list[Split]:
    """Returns splits in which each subject tests once and never beside its own training clips.

    Args:
        subjects: Each once. To choose settings, give the training subjects.
        num_folds: Number of splits, from 2 to the number of subjects. The test parts' sizes
            differ by one subject at most.
        seed: Draws who is in which fold, at least 0.

    Returns:
        The splits; subjects stand in the order of `subjects`.

    Raises:
        UserError: An argument is out of range, or a subject comes twice.
    """
    subjects = tuple(subjects)
    if len(set(subjects)) != len(subjects):
        raise UserError("A subject must be named once", ", ".join(subjects))
    if not 2 <= num_folds <= len(subjects):
        rule = f"The number of folds must be 2 to the number of subjects, {len(subjects)}"
        raise UserError(rule, num_folds)
    if seed < 0:
        raise UserError("seed must be at least 0", seed)
    fold_of = np.random.default_rng(seed).permutation(len(subjects)) % num_folds
    parts = list(zip(subjects, fold_of.tolist(), strict=True))
    return [
        Split(
            tuple(name for name, other in parts if other != fold),
            tuple(name for name, other in parts if other == fold),
        )
        for fold in range(num_folds)
    ]
