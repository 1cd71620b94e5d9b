"""How the report writes names, scores, differences and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

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


@dataclass(frozen=True)
class Table:
    """A table whose first column names the rows; all cells are plain text.

    Attributes:
        header: Text above each column.
        rows: Text of each cell.
        caption: Text above the table, if any.
        kind: `numbers` are set right, `text` is set left, `code` may be broken anywhere.
        strong_rows: Indices of the rows in bold.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    kind: str = "numbers"
    strong_rows: Sequence[int] = ()


def words(name: str, longest: int = 1000) -> str:
    """Returns a name of the code as words: `draw_x` becomes `draw x`.

    Args:
        name: The name.
        longest: Number of characters beyond which it is cut.
    """
    text = _HYPHENATED.get(name) or name.replace("_", " ")
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def percent(summary: Mapping[str, Any]) -> str:
    """Returns `92.3 ± 1.1`: mean and sample standard deviation over seeds, in per cent.

    Args:
        summary: `mean`, `std` and `values` as `metrics.json` holds them, fractions 0..1.
    """
    mean = f"{100 * summary['mean']:.1f}"
    return mean if len(summary["values"]) < 2 else f"{mean} ± {100 * summary['std']:.1f}"


def rate_text(value: float) -> str:
    """Returns a rate with three digits, or as a whole number from 1000 on."""
    return f"{value:.3g}" if value < 999.5 else f"{value:.0f}"


def signed(value: float) -> str:
    """Returns a difference of two fractions in points, with its sign: 0.012 becomes `+1.2`."""
    return f"{100 * value:+.1f}".replace("-", "−")


def points(values: Sequence[float]) -> str:
    """Returns `+0.6 ± 0.7`: mean and sample standard deviation of differences, in points."""
    mean = signed(float(np.mean(values)))
    return mean if len(values) < 2 else f"{mean} ± {100 * np.std(values, ddof=1):.1f}"


def paired_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Returns the 95 % interval of Student's t around a mean difference.

    It covers the variation over seeds only, not over subjects or data sets.

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
    low, high = map(signed, interval)
    zero = "includes zero" if interval[0] <= 0 <= interval[1] else "excludes zero"
    return f"{text}; 95 % interval over seeds {low} to {high}, which {zero})"


def listed(values: Sequence[object], most: int = 40) -> str:
    """Returns values separated by commas; beyond `most` the rest is counted."""
    text = ", ".join(map(str, values[:most]))
    more = len(values) - most
    return text if more <= 0 else f"{text} and {more} more"
