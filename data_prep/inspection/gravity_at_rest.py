"""What an accelerometer measures while it does not move."""

import numpy as np

_WINDOW_SECONDS = 0.5
_STILL = 0.03  # ours: standard deviation of a still sensor, in parts of what it measures


def gravity_at_rest(accelerometer: np.ndarray, rate_hz: float) -> float | None:
    """Returns the magnitude in still stretches, which is 1 if the unit is g.

    Half-second windows, each half over the next, are still if the standard deviation over all
    axes is under 3 % of the mean magnitude. Ours.

    Args:
        accelerometer: (samples, 3) of any unit.
        rate_hz: Samples per second.

    Returns:
        The median over the still windows of the mean magnitude, in the unit given; None without
        a still window.
    """
    width = max(4, round(_WINDOW_SECONDS * rate_hz))
    if len(accelerometer) < width:
        return None
    values = np.asarray(accelerometer, np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)[:: width // 2]
    magnitude = np.linalg.norm(windows, axis=1).mean(axis=1)
    deviation = np.sqrt(windows.var(axis=2).sum(axis=1))
    still = deviation < _STILL * magnitude
    return float(np.median(magnitude[still])) if still.any() else None
