"""Linear interpolation of many padded clips along time courses."""

import numpy as np


def read_along(
    signals: np.ndarray, lengths: np.ndarray, courses: np.ndarray, steps: int
) -> np.ndarray:
    """Reads each clip at `steps` even points of its time course.

    Args:
        signals: `(batch, samples, ...)` padded clips.
        lengths: `(batch,)` samples of each clip, at least 2.
        courses: `(batch, grid)` positions in 0..1, as `time_spans` gives them.
        steps: Points to read.

    Returns:
        `(batch, steps, ...)` float32.
    """
    batch, grid = courses.shape
    points = np.linspace(0, grid - 1, steps)
    cell = np.minimum(points.astype(int), grid - 2)
    share = points - cell
    position = courses[:, cell] * (1 - share) + courses[:, cell + 1] * share
    position = position * (lengths[:, None] - 1)
    lower = np.minimum(position.astype(int), lengths[:, None] - 2)
    fraction = (position - lower).astype(np.float32)
    fraction = fraction.reshape(batch, steps, *[1] * (signals.ndim - 2))
    rows = np.arange(batch)[:, None]
    first, second = signals[rows, lower], signals[rows, lower + 1]
    return first + fraction * (second - first)
