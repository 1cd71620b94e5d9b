"""A table that scrolls sideways on narrow screens."""

from collections.abc import Sequence
from html import escape

from pskd_tf.reporting.markup.element import element


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    caption: str = "",
    strong_rows: Sequence[int] = (),
    kind: str = "numbers",
) -> str:
    """Writes a table whose first column names the rows.

    Args:
        header: Plain text above each column.
        rows: Plain text of each cell.
        caption: Plain text above the table, if any.
        strong_rows: Indices of rows to set in bold.
        kind: `numbers` stand right, `text` stands left, `code` is broken anywhere.

    Returns:
        The markup.
    """
    head = element("tr", *[element("th", escape(cell), scope="col") for cell in header])
    body = []
    for number, (name, *cells) in enumerate(rows):
        first = element("th", escape(name), scope="row")
        rest = [element("td", escape(cell)) for cell in cells]
        body.append(element("tr", first, *rest, class_="strong" if number in strong_rows else None))
    title = element("caption", escape(caption)) if caption else ""
    whole = element("table", title, element("thead", head), element("tbody", *body), class_=kind)
    return element("div", whole, class_="scroll", tabindex=0, role="region", aria_label=header[0])
