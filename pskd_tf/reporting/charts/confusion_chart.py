"""A confusion matrix."""

from collections.abc import Sequence

import numpy as np

from pskd_tf.reporting.charts.plot_area import label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.svg_image import svg_image
from pskd_tf.reporting.palette import RIGHT, WRONG, blend

_WIDTH, _LEFT, _TOP = 400, 128, 18


def confusion_chart(counts: np.ndarray, class_names: Sequence[str], title: str) -> str:
    """Draws the shares of each row; right answers in one colour, mistakes in another.

    Args:
        counts: `(classes, classes)`, rows the truth, columns the guess.
        class_names: Name of each class.
        title: Text alternative.

    Returns:
        The markup.
    """
    cell = (_WIDTH - _LEFT - 4) / len(class_names)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    size = min(11.0, max(7.5, 0.85 * cell))
    side = cell * len(class_names)
    parts = [element("rect", x=_LEFT, y=_TOP, width=side, height=side, class_="plate")]
    every = 1 if len(class_names) <= 12 else 2
    for row, name in enumerate(class_names):
        y = _TOP + cell * (row + 0.5) + 0.35 * size
        text = f"{words(name, 22)} {row + 1}"
        parts.append(element("text", text, x=_LEFT - 4.0, y=y, text_anchor="end", font_size=size))
        if row % every == 0:
            x = _LEFT + cell * (row + 0.5)
            parts.append(label(x, _TOP - 5, str(row + 1), "middle"))
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        said = f"{class_names[row]} taken for {class_names[column]}: {100 * share:.0f} %"
        right = row == column
        parts.append(
            element(
                "rect",
                element("title", words(said)) if not right else "",
                x=_LEFT + cell * column + 0.3,
                y=_TOP + cell * row + 0.3,
                width=cell - 0.6,
                height=cell - 0.6,
                fill=blend(RIGHT if right else WRONG, 0.25 + 0.75 * share),
            )
        )
    return svg_image(_WIDTH, _TOP + side + 4, title, *parts)
