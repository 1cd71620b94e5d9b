"""A rectangle of a drawing with a linear scale along each side."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from pskd_tf.reporting.charts.nice_ticks import nice_ticks
from pskd_tf.reporting.markup.element import element


@dataclass(frozen=True)
class PlotArea:
    """Where data lie in a drawing.

    Attributes:
        left: Left border, in the drawing's units.
        top: Upper border.
        width: Width.
        height: Height.
        x_range: Data values at the left and right border.
        y_range: Data values at the lower and upper border.
    """

    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Returns the place of a value across."""
        low, high = self.x_range
        return self.left + self.width * (float(value) - low) / ((high - low) or 1.0)

    def y(self, value: float) -> float:
        """Returns the place of a value down."""
        low, high = self.y_range
        return self.top + self.height * (1 - (float(value) - low) / ((high - low) or 1.0))

    def axes(self, x_label: str = "", y_label: str = "", counts: tuple[int, int] = (5, 4)) -> str:
        """Draws grid lines, about so many tick labels across and down, and the axes' names."""
        parts = []
        right, bottom = self.left + self.width, self.top + self.height
        for value in nice_ticks(*self.y_range, counts[1]):
            y = self.y(value)
            parts.append(element("line", x1=self.left, x2=right, y1=y, y2=y, class_="grid"))
            parts.append(label(self.left - 5, y + 3.5, f"{value:g}", "end"))
        for value in nice_ticks(*self.x_range, counts[0]) if counts[0] else ():
            parts.append(label(self.x(value), bottom + 14, f"{value:g}", "middle"))
        parts.append(element("line", x1=self.left, x2=right, y1=bottom, y2=bottom, class_="axis"))
        if x_label:
            parts.append(label(right, bottom + 28, x_label, "end", "name"))
        if y_label:
            parts.append(label(self.left - 28, self.top - 8, y_label, "start", "name"))
        return "".join(parts)

    def line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        colour: str,
        width: float = 1.5,
        opacity: float | None = None,
        dashes: str | None = None,
    ) -> str:
        """Draws a line through points; of many points, a hundred or so."""
        chosen = np.unique(np.linspace(0, len(xs) - 1, min(len(xs), 120)).round().astype(int))
        places = [f"{self.x(xs[one]):.1f} {self.y(ys[one]):.1f}" for one in chosen]
        return element(
            "path",
            d="M" + "L".join(places),
            fill="none",
            stroke=colour,
            stroke_width=width,
            stroke_opacity=opacity,
            stroke_dasharray=dashes,
            stroke_linejoin="round",
        )


def label(x: float, y: float, text: str, anchor: str = "start", kind: str = "tick") -> str:
    """Writes text into a drawing.

    Args:
        x: Where it is anchored.
        y: Its base line.
        text: Plain text.
        anchor: `start`, `middle` or `end`.
        kind: Its class in the page's style: `tick`, `name`, `row` or `halo`.

    Returns:
        The markup.
    """
    return element("text", escape(text), x=float(x), y=float(y), text_anchor=anchor, class_=kind)
