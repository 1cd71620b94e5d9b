"""A whole HTML page in one file that asks nothing of a network."""

from collections.abc import Sequence
from html import escape

from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.page_script import PAGE_SCRIPT
from pskd_tf.reporting.page_style import PAGE_STYLE
from pskd_tf.reporting.section import Section

# Even a mistake in a later section could not load anything.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(title: str, header: str, sections: Sequence[Section]) -> str:
    """Writes a page.

    Args:
        title: Plain text for the browser's tab.
        header: Markup above the sections.
        sections: What follows, in order; the table of contents is made from them.

    Returns:
        The HTML.
    """
    links = [
        element("li", element("a", escape(one.title), href=f"#{one.anchor}")) for one in sections
    ]
    head = [
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(_POLICY)}">',
        '<link rel="icon" href="data:,">',
        element("title", escape(title)),
        f"<style>{PAGE_STYLE}</style>",
    ]
    contents = element("nav", element("ol", *links), aria_label="Contents")
    main = element("main", header, *[one.markup for one in sections])
    body = element("div", contents, main, class_="layout")
    script = f"<script>{PAGE_SCRIPT}</script>"
    html = element("html", element("head", *head), element("body", body, script), lang="en")
    return f"<!DOCTYPE html>\n{html}\n"
