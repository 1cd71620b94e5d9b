"""Horizontal bars with marks of other models on the same row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pskd_tf.reporting.charts.plot_area import label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.svg_image import svg_image
from pskd_tf.reporting.palette import INK, blend

_WIDTH, _LEFT, _ROW = 400, 140, 19


@dataclass(frozen=True)
class BarRow:
    """One row; values in per cent.

    Attributes:
        label: Its name.
        value: Length of the bar.
        spread: Standard deviation around it; 0 draws none.
        marks: Colour -> value of each other model.
    """

    label: str
    value: float
    spread: float = 0.0
    marks: Mapping[str, float] = field(default_factory=dict)


def bar_rows(rows: Sequence[BarRow], colour: str, title: str) -> str:
    """Draws the rows on an axis from 0 to 100 per cent.

    Args:
        rows: From the top.
        colour: Colour of the bars.
        title: Text alternative.

    Returns:
        The markup.
    """
    width, top = _WIDTH - _LEFT - 44, 4
    bottom = top + _ROW * len(rows)

    def x(value: float) -> float:
        return _LEFT + width * min(max(value, 0.0), 100.0) / 100

    parts = []
    for tick in (0, 25, 50, 75, 100):
        parts.append(element("line", x1=x(tick), x2=x(tick), y1=top, y2=bottom, class_="grid"))
        parts.append(label(x(tick), bottom + 13, str(tick), "middle"))
    for number, row in enumerate(rows):
        y = top + _ROW * (number + 0.5)
        parts.append(label(_LEFT - 6, y + 3.5, row.label, "end", "row"))
        parts.append(
            element(
                "rect",
                x=float(_LEFT),
                y=y - 5.5,
                width=x(row.value) - _LEFT,
                height=11.0,
                fill=blend(colour, 0.35),
            )
        )
        if row.spread:
            ends = x(row.value - row.spread), x(row.value + row.spread)
            parts.append(element("line", x1=ends[0], x2=ends[1], y1=y, y2=y, stroke=INK))
        for mark, value in row.marks.items():
            parts.append(
                element(
                    "line",
                    x1=x(value),
                    x2=x(value),
                    y1=y - 7,
                    y2=y + 7,
                    stroke=mark,
                    stroke_width=2.4,
                )
            )
        parts.append(label(_WIDTH - 6, y + 3.5, f"{row.value:.0f}", "end", "row"))
    return svg_image(_WIDTH, bottom + 20, title, *parts)
