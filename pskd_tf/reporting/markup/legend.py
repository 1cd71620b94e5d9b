"""The colours of a figure and what they stand for."""

from collections.abc import Mapping
from html import escape

from pskd_tf.reporting.markup.element import element


def legend(entries: Mapping[str, str], shape: str = "square") -> str:
    """Writes a legend.

    Args:
        entries: Colour of each name.
        shape: `square`, or `mark` for upright lines.

    Returns:
        The markup.
    """
    items = [
        element(
            "li",
            element("span", class_=f"key {shape}", style=f"background:{colour}"),
            escape(name),
        )
        for name, colour in entries.items()
    ]
    return element("ul", *items, class_="legend")
