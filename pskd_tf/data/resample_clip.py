"""Resampling of one clip to a fixed number of steps, as the C core does it."""

import numpy as np


def resample_clip(signal: np.ndarray, steps: int) -> np.ndarray:
    """Resamples a clip end to end by linear interpolation.

    Position `i` reads `i * (length - 1) / (steps - 1)`: the first sample stays, the last one but
    for a rounding. All arithmetic is float32 and in a fixed order, so that the C core gives the
    same bits.

    Args:
        signal: `(length, channels)`, at least two samples.
        steps: Samples of the result, at least 2.

    Returns:
        `(steps, channels)` float32, in the unit of `signal`.
    """
    signal = np.asarray(signal, np.float32)
    last = np.float32(len(signal) - 1)
    positions = np.arange(steps, dtype=np.float32) * last / np.float32(steps - 1)
    lower = np.minimum(positions.astype(np.int32), len(signal) - 2)
    fraction = (positions - lower.astype(np.float32))[:, None]
    return signal[lower] + fraction * (signal[lower + 1] - signal[lower])
