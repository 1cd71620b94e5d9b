"""One dot a seed, with mean and standard deviation, a row for each model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.reporting.charts.nice_ticks import nice_ticks
from pskd_tf.reporting.charts.plot_area import PlotArea, label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.svg_image import svg_image
from pskd_tf.reporting.palette import INK

_ROW, _LEFT, _WIDTH = 25, 184, 440


@dataclass(frozen=True)
class DotRow:
    """One row: values in per cent or points.

    Attributes:
        label: Its name.
        values: One a seed.
        colour: Colour of its dots.
    """

    label: str
    values: Sequence[float]
    colour: str


def seed_dots(rows: Sequence[DotRow], title: str, x_label: str, zero: bool = False) -> str:
    """Draws the rows.

    Args:
        rows: What to draw, from the top.
        title: Text alternative.
        x_label: Name of the axis.
        zero: Whether 0 must be on the axis and is marked (differences).

    Returns:
        The markup.
    """
    values = np.concatenate([np.asarray(row.values, float) for row in rows])
    low, high = float(values.min()), float(values.max())
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    margin = max(0.08 * (high - low), 0.5)
    span = (
        (low - margin, high + margin) if zero else (max(low - margin, 0), min(high + margin, 100))
    )
    if span[1] - span[0] < 2:
        span = (span[0] - 1, span[1] + 1)
    height = 22 + _ROW * len(rows) + 34
    area = PlotArea(_LEFT, 12, _WIDTH - _LEFT - 12, _ROW * len(rows), span, (len(rows), 0))
    parts = [_frame(area, x_label)]
    if zero:
        x = area.x(0)
        parts.append(
            element("line", x1=x, x2=x, y1=area.top, y2=area.top + area.height, class_="axis")
        )
    for number, row in enumerate(rows):
        y = area.top + _ROW * (number + 0.5)
        parts.append(label(_LEFT - 12, y + 4, row.label, "end", "row"))
        parts.append(_spread(area, y, np.asarray(row.values, float)))
        for value in row.values:
            dot = element("title", f"{row.label}: {value:.1f}")
            parts.append(
                element(
                    "circle", dot, cx=area.x(value), cy=y, r=5, fill=row.colour, fill_opacity=0.75
                )
            )
    return svg_image(_WIDTH, height, title, *parts)


def _frame(area: PlotArea, x_label: str) -> str:
    parts = []
    bottom = area.top + area.height
    for value in nice_ticks(*area.x_range, 5):
        x = area.x(value)
        parts.append(element("line", x1=x, x2=x, y1=area.top, y2=bottom, class_="grid"))
        parts.append(label(x, bottom + 15, f"{value:g}", "middle"))
    parts.append(label(area.left + area.width, bottom + 30, x_label, "end", "name"))
    return "".join(parts)


def _spread(area: PlotArea, y: float, values: np.ndarray) -> str:
    mean = values.mean()
    parts = []
    if len(values) > 1:
        std = values.std(ddof=1)
        ends = np.clip([mean - std, mean + std], *area.x_range)
        parts.append(
            element("line", x1=area.x(ends[0]), x2=area.x(ends[1]), y1=y, y2=y, stroke=INK)
        )
    x = area.x(mean)
    parts.append(element("line", x1=x, x2=x, y1=y - 9, y2=y + 9, stroke=INK, stroke_width=2))
    return "".join(parts)
