"""A reliability diagram."""

import numpy as np

from pskd_tf.reporting.charts.plot_area import PlotArea, label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.svg_image import svg_image
from pskd_tf.reporting.palette import SOFT, blend

_WIDTH, _HEIGHT = 330, 330


def reliability_chart(
    confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray, colour: str, title: str
) -> str:
    """Draws how often a model is right against how sure it is.

    Args:
        confidence: `(bins,)` mean confidence, 0..1.
        accuracy: `(bins,)` share of right answers, 0..1.
        counts: `(bins,)` answers in each bin; empty bins are left out.
        colour: Colour of the points.
        title: Text alternative.

    Returns:
        The markup: the diagram, and below it how many answers each bin holds.
    """
    area = PlotArea(38, 22, _WIDTH - 50, 212, (0, 100), (0, 100))
    bars = PlotArea(38, 268, _WIDTH - 50, 30, (0, 100), (0, float(counts.max() or 1)))
    parts = [area.axes("", "right, %"), area.line([0, 100], [0, 100], SOFT, 1.0, None, "4 4")]
    width = bars.width / len(counts)
    for number, count in enumerate(counts):
        if count:
            y = bars.y(count)
            bottom = bars.top + bars.height
            parts.append(
                element(
                    "rect",
                    element("title", f"{count:.0f} answers"),
                    x=bars.left + width * number + 1,
                    y=y,
                    width=width - 2,
                    height=bottom - y,
                    fill=blend(colour, 0.45),
                )
            )
    held = counts > 0
    xs, ys = 100 * confidence[held], 100 * accuracy[held]
    parts.append(area.line(xs, ys, colour, 1.6))
    for x, y, count in zip(xs, ys, counts[held], strict=True):
        radius = 2.5 + 4.5 * float(np.sqrt(count / counts.max()))
        parts.append(element("circle", cx=area.x(x), cy=area.y(y), r=radius, fill=colour))
    parts.append(label(_WIDTH - 12, 312, "confidence, %; below: how many answers", "end", "name"))
    return svg_image(_WIDTH, _HEIGHT - 12, title, *parts)
