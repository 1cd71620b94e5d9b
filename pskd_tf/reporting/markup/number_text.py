"""Scores as a report prints them: mean and spread, never the best."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def percent(summary: Mapping[str, Any]) -> str:
    """Returns `92.3 ± 1.1`: mean and sample standard deviation over seeds, in per cent.

    Args:
        summary: `mean`, `std` and `values` as `metrics.json` holds them, fractions 0..1.
    """
    mean = f"{100 * summary['mean']:.1f}"
    return mean if len(summary["values"]) < 2 else f"{mean} ± {100 * summary['std']:.1f}"


def points(values: Sequence[float]) -> str:
    """Returns `+0.6 ± 0.7`: mean and sample standard deviation of differences, in points."""
    mean = f"{100 * np.mean(values):+.1f}".replace("-", "−")
    return mean if len(values) < 2 else f"{mean} ± {100 * np.std(values, ddof=1):.1f}"


def words(name: str, longest: int = 1000) -> str:
    """Returns a name of the code as words: `draw_x` becomes `draw x`.

    Args:
        name: The name.
        longest: Characters beyond which it is cut.
    """
    text = _HYPHENATED.get(name) or name.replace("_", " ")
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


_HYPHENATED = {
    name: name.replace("_", "-")
    for name in (
        "cross_fitted",
        "in_sample",
        "cross_subject",
        "cross_session",
        "cross_scene",
        "leave_one_subject_out",
    )
}
