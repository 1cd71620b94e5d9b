"""Amounts as bars, such as sizes in bytes."""

from collections.abc import Sequence

from pskd_tf.reporting.charts.plot_area import label
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.svg_image import svg_image


def amount_bars(rows: Sequence[tuple[str, float, str]], title: str, unit: str = "bytes") -> str:
    """Draws the rows on one scale.

    Args:
        rows: Name, amount and colour, from the top.
        title: Text alternative.
        unit: What the amounts count.

    Returns:
        The markup.
    """
    width, left, row_height = 440, 158, 25
    largest = max(size for _, size, _ in rows)
    parts = []
    for number, (name, size, colour) in enumerate(rows):
        y = 6 + row_height * number
        length = (width - left - 88) * size / largest
        parts.append(label(left - 8, y + 16, name, "end", "row"))
        parts.append(
            element("rect", x=float(left), y=float(y + 5), width=length, height=14.0, fill=colour)
        )
        parts.append(label(left + length + 6, y + 16, f"{size:,.0f} {unit}", "start", "row"))
    return svg_image(width, 10 + row_height * len(rows), title, *parts)
