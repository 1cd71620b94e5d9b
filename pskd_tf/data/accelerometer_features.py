"""The ten channels that every accelerometer model reads, in the C core's order of operations."""

import numpy as np


def accelerometer_features(acceleration: np.ndarray, gravity_taps: int) -> np.ndarray:
    """Derives the ten input channels from accelerometer samples.

    Channels: x, y, z; |a| - 1; gravity (centred moving mean, the first and last sample repeated
    beyond the ends); a - gravity. All arithmetic is float32 and in a fixed order, so that
    `microcontroller/src/accelerometer_features.c` gives the same bits. Source: ours.

    Args:
        acceleration: `(..., steps, 3)`, in g.
        gravity_taps: Length of the moving mean in samples, odd.

    Returns:
        `(..., steps, 10)` float32, in g.
    """
    samples = np.asarray(acceleration, np.float32)
    steps = samples.shape[-2]
    x, y, z = samples[..., 0], samples[..., 1], samples[..., 2]
    magnitude = np.sqrt((x * x + y * y) + z * z) - np.float32(1)
    half = gravity_taps // 2
    padding = [(0, 0)] * (samples.ndim - 2) + [(half, half), (0, 0)]
    padded = np.pad(samples, padding, mode="edge")
    total = padded[..., 0:steps, :].copy()
    for tap in range(1, gravity_taps):
        total += padded[..., tap : tap + steps, :]
    gravity = total / np.float32(gravity_taps)
    return np.concatenate([samples, magnitude[..., None], gravity, samples - gravity], axis=-1)
