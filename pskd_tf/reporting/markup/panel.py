"""One panel of a figure: a heading, a drawing, a remark."""

from html import escape

from pskd_tf.reporting.markup.element import element


def panel(heading: str, drawing: str, remark: str = "") -> str:
    """Writes a panel.

    Args:
        heading: Plain text above.
        drawing: Markup of the drawing.
        remark: Plain text below, if any.

    Returns:
        The markup.
    """
    note = element("p", escape(remark), class_="remark") if remark else ""
    return element("div", element("h4", escape(heading)), drawing, note, class_="panel")
