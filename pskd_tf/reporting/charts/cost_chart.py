"""Accuracy against a cost, one dot a candidate."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from pskd_tf.reporting.charts.plot_area import PlotArea, label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.svg_image import svg_image

_WIDTH, _HEIGHT = 440, 270


@dataclass(frozen=True)
class CostDot:
    """One candidate.

    Attributes:
        name: What is said about it when pointed at.
        cost: Its cost.
        accuracy: In per cent.
        colour: Of the dot.
        is_filled: Hollow dots were refused.
        tag: Text beside the dot, if any.
    """

    name: str
    cost: float
    accuracy: float
    colour: str
    is_filled: bool = True
    tag: str = ""


def cost_chart(dots: Sequence[CostDot], title: str, x_label: str) -> str:
    """Draws the candidates.

    Args:
        dots: At least one.
        title: Text alternative.
        x_label: Name of the cost.

    Returns:
        The markup.
    """
    costs, accuracies = [dot.cost for dot in dots], [dot.accuracy for dot in dots]
    pad = max(0.08 * (max(accuracies) - min(accuracies)), 0.5)
    area = PlotArea(
        44,
        22,
        _WIDTH - 60,
        _HEIGHT - 62,
        (0.0, 1.08 * max(costs) or 1.0),
        (max(min(accuracies) - pad, 0.0), min(max(accuracies) + pad, 100.0)),
    )
    parts = [area.axes(x_label, "accuracy of int8, %")]
    for dot in dots:
        x, y = area.x(dot.cost), area.y(dot.accuracy)
        parts.append(
            element(
                "circle",
                element("title", escape(dot.name)),
                cx=x,
                cy=y,
                r=4.8,
                fill=dot.colour if dot.is_filled else "#ffffff",
                fill_opacity=0.8,
                stroke=dot.colour,
                stroke_width=1.4,
            )
        )
        if dot.tag:
            parts.append(label(x, y - 10, dot.tag, "middle", "halo"))
    return svg_image(_WIDTH, _HEIGHT, title, *parts)
