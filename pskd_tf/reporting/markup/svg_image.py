"""An inline SVG that scales with the page and can be read aloud."""

from html import escape

from pskd_tf.reporting.markup.element import element


def svg_image(width: float, height: float, title: str, *children: str) -> str:
    """Wraps shapes into an `<svg>` with a text alternative.

    Args:
        width: Width of the drawing, in its own units; also its smallest comfortable width in
            pixels.
        height: Its height.
        title: What it shows, for who cannot see it.
        *children: Its shapes.

    Returns:
        The markup.
    """
    box = f"0 0 {width:g} {height:g}"
    name = element("title", escape(title))
    style = f"max-width:{1.3 * width:.0f}px"
    return element("svg", name, *children, viewBox=box, role="img", aria_label=title, style=style)
