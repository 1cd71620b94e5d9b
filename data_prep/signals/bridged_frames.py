"""Frames that a camera lost, filled from their neighbours."""

import numpy as np


def bridge_frames(values: np.ndarray, missing: np.ndarray) -> tuple[np.ndarray, int]:
    """Fills missing frames: linear in time between neighbours, held at both ends.

    Args:
        values: float64 (frames, ...); what stands in a missing frame does not matter.
        missing: bool (frames,); at least one frame is not missing.

    Returns:
        The values with every frame filled, and the length of the longest run that was missing.
    """
    if not missing.any():
        return values, 0
    known = np.flatnonzero(~missing)
    place = np.interp(np.arange(len(values)), known, np.arange(len(known)))
    below = np.floor(place).astype(int)
    above = np.minimum(below + 1, len(known) - 1)
    part = (place - below).reshape(-1, *[1] * (values.ndim - 1))
    kept = values[known]
    filled = kept[below] * (1 - part) + kept[above] * part
    filled[known] = kept
    edges = np.concatenate([[-1], known, [len(values)]])
    return filled, int(np.diff(edges).max()) - 1
