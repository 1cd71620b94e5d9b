"""One HTML or SVG element as text."""

from html import escape
from typing import Any


def element(tag: str, *children: str, **attributes: Any) -> str:
    """Writes an element; every attribute is escaped, children are markup already.

    Args:
        tag: Name of the element.
        *children: Markup inside; text must come through `html.escape`.
        **attributes: `class_` stands for `class`, `stroke_width` for `stroke-width`; None leaves
            an attribute out; numbers are written with at most two decimals.

    Returns:
        The markup.
    """
    parts = [
        f' {name.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for name, value in attributes.items()
        if value is not None
    ]
    return f"<{tag}{''.join(parts)}>{''.join(children)}</{tag}>"


def _text(value: Any) -> str:
    if not isinstance(value, float):
        return str(value)
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
