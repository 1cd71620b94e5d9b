"""Differences between two trainings of the same seeds, in words that do not promise too much."""

from collections.abc import Sequence

import numpy as np
from scipy import stats

from pskd_tf.reporting.markup.number_text import points


def paired_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Returns the 95 % interval of Student's t around a mean difference.

    It covers the draw of seeds and nothing else: neither other subjects nor other data.

    Args:
        values: One difference a seed.

    Returns:
        Its ends, or None for one value.
    """
    if len(values) < 2:
        return None
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    mean = float(np.mean(values))
    return mean - float(half), mean + float(half)


def paired_text(values: Sequence[float]) -> str:
    """Returns a mean difference with its spread, n and interval, in percentage points.

    Args:
        values: One difference a seed, fractions -1..1.
    """
    text = f"{points(values)} points (paired by seed, n = {len(values)}"
    interval = paired_interval(values)
    if interval is None:
        return f"{text}: one seed shows no spread)"
    low, high = (f"{100 * end:+.1f}".replace("-", "−") for end in interval)
    zero = "includes zero" if interval[0] <= 0 <= interval[1] else "excludes zero"
    return f"{text}; 95 % interval over seeds {low} to {high}, which {zero})"
