"""One drawing, or several panels, after a caption that says how to read it."""

from collections.abc import Sequence
from html import escape

from pskd_tf.reporting.markup.element import element


def figure(panels: Sequence[str], caption: str, legend: str = "", flow: str = "") -> str:
    """Writes a figure.

    Args:
        panels: Markup of each panel; they flow side by side where there is room.
        caption: How to read it, as plain text.
        legend: Markup of a legend below the caption.
        flow: `single` for a panel over the whole width, `wide` for at most two side by side;
            by default three.

    Returns:
        The markup.
    """
    side_by_side = element("div", *panels, class_=f"panels {flow}".strip())
    return element("figure", element("figcaption", escape(caption)), legend, side_by_side)
