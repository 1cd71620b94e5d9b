"""Shares that sum to one: over epochs as areas, over classes as rows."""

from collections.abc import Mapping, Sequence

import numpy as np

from pskd_tf.reporting.charts.plot_area import PlotArea, label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.svg_image import svg_image

_WIDTH, _HEIGHT = 350, 220


def share_areas(shares: Mapping[str, np.ndarray], colours: Mapping[str, str], title: str) -> str:
    """Stacks shares over epochs.

    Args:
        shares: `(epochs,)` of each target, 0..1.
        colours: Colour of each target.
        title: Text alternative.

    Returns:
        The markup.
    """
    epochs = len(next(iter(shares.values())))
    area = PlotArea(38, 22, _WIDTH - 46, _HEIGHT - 60, (1, max(epochs, 2)), (0, 100))
    chosen = np.unique(np.linspace(0, epochs - 1, min(epochs, 150)).round().astype(int))
    axes = area.axes("epoch", "share of samples, %", (min(5, max(epochs - 1, 1)), 4))
    parts, lower = [], np.zeros(epochs)
    for name, values in shares.items():
        upper = lower + 100 * values
        ahead = [f"{area.x(one + 1):.1f} {area.y(upper[one]):.1f}" for one in chosen]
        back = [f"{area.x(one + 1):.1f} {area.y(lower[one]):.1f}" for one in chosen[::-1]]
        parts.append(
            element(
                "path",
                d="M" + "L".join(ahead + back) + "Z",
                fill=colours[name],
                stroke="#fff",
                stroke_width=0.7,
            )
        )
        lower = upper
    return svg_image(_WIDTH, _HEIGHT, title, *parts, axes)


def share_rows(
    names: Sequence[str], shares: Mapping[str, np.ndarray], colours: Mapping[str, str], title: str
) -> str:
    """Stacks shares in one row for each name.

    Args:
        names: Name of each row.
        shares: `(rows,)` of each target, 0..1.
        colours: Colour of each target.
        title: Text alternative.

    Returns:
        The markup.
    """
    left, row_height, width = 140, 17, 350 - 140 - 8
    parts, start = [], np.zeros(len(names))
    for target, values in shares.items():
        for number, value in enumerate(values):
            if value > 0:
                parts.append(
                    element(
                        "rect",
                        element("title", f"{names[number]}: {100 * value:.0f} %"),
                        x=left + width * float(start[number]),
                        y=4.0 + row_height * number + 2,
                        width=width * float(value),
                        height=row_height - 4.0,
                        fill=colours[target],
                    )
                )
        start = start + values
    for number, name in enumerate(names):
        parts.append(label(left - 6, 4 + row_height * (number + 0.5) + 3.5, name, "end", "row"))
    return svg_image(350, 8 + row_height * len(names), title, *parts)
