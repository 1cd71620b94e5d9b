"""Samples put in the order of their time stamps."""

from pathlib import Path

import numpy as np

from data_prep.user_error import UserError

_MOST_STEPS_BACK = 0.25  # of all steps; shuffled stamps step back half of the time


def sort_stamps(
    stamps_seconds: np.ndarray, values: np.ndarray, path: str | Path | None = None
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Sorts samples by their stamps and merges those of the same stamp into their mean.

    Args:
        stamps_seconds: (samples,) finite.
        values: (samples, ...) of any unit.
        path: The file, for errors.

    Returns:
        Ascending float64 (new samples,), float64 (new samples, ...), and the notes
        "stamps_sorted" and "duplicates_merged" where they apply.

    Raises:
        UserError: More than a quarter of the stamps step back, so that they cannot be trusted.
    """
    stamps = np.asarray(stamps_seconds, dtype=np.float64)
    values = np.asarray(values, dtype=np.float64)
    flags = []
    steps_back = int((np.diff(stamps) < 0).sum())
    if steps_back:
        if steps_back > _MOST_STEPS_BACK * len(stamps):
            rule = f"At most {_MOST_STEPS_BACK:.0%} of the time stamps may step back"
            raise UserError(rule, f"{steps_back} of {len(stamps)}", path)
        order = np.argsort(stamps, kind="stable")
        stamps, values = stamps[order], values[order]
        flags.append("stamps_sorted")
    first = np.flatnonzero(np.diff(stamps, prepend=-np.inf) > 0)
    if len(first) < len(stamps):
        counts = np.diff(first, append=len(stamps)).reshape(-1, *[1] * (values.ndim - 1))
        stamps, values = stamps[first], np.add.reduceat(values, first, axis=0) / counts
        flags.append("duplicates_merged")
    return stamps, values, tuple(flags)
