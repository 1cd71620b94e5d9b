"""Where in its clip each step of a training view reads."""

import numpy as np

from pskd_tf.data.augmentation_settings import AugmentationSettings

_GRID = 33
_KNOTS = 5


def time_spans(
    generator: np.random.Generator,
    count: int,
    settings: AugmentationSettings,
    shares: np.ndarray | None = None,
) -> np.ndarray:
    """Draws smooth monotone time courses through clips.

    Both modalities of a sample read along the same course, so that paired streams never drift
    apart. Source: ours.

    Args:
        generator: Source of the draws.
        count: Number of courses.
        settings: Strengths; `time_warp` and `shift` are read.
        shares: `(count,)` share of its clip that each view covers, placed at random within it
            where it is below 1; None for whole clips.

    Returns:
        `(count, grid)` float64 positions from 0 (first sample) to 1 (last sample) on an even grid
        of the view's own time. Positions are held at the clip's ends.
    """
    speed = generator.normal(0.0, 1.0, (count, _KNOTS)) * settings.time_warp
    knots = np.linspace(0, 1, _KNOTS)
    middles = (np.arange(_GRID - 1) + 0.5) / (_GRID - 1)
    lower = np.minimum((middles * (_KNOTS - 1)).astype(int), _KNOTS - 2)
    fraction = (middles - knots[lower]) * (_KNOTS - 1)
    # A raised cosine between knots keeps the speed smooth.
    fraction = 0.5 - 0.5 * np.cos(np.pi * fraction)
    log_speed = speed[:, lower] * (1 - fraction) + speed[:, lower + 1] * fraction
    course = np.concatenate([np.zeros((count, 1)), np.cumsum(np.exp(log_speed), axis=1)], axis=1)
    course /= course[:, -1:]
    start = generator.uniform(-settings.shift, settings.shift, (count, 1))
    end = 1 + generator.uniform(-settings.shift, settings.shift, (count, 1))
    course = start + course * (end - start)
    if shares is not None:
        share = shares[:, None]
        room = np.maximum(1.0 - share, 0.0)
        course = generator.uniform(0.0, 1.0, (count, 1)) * room + course * share
    return np.clip(course, 0.0, 1.0)
