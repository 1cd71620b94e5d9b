"""Pages from the templates: one HTML file each, with style, script and drawings inside."""

from functools import cache
from pathlib import Path

import jinja2

from data_prep.files import whole_file
from pskd_tf.reporting.charts import PALETTE, css_colour
from pskd_tf.reporting.tables import paired_text, percent, words


@cache
def _templates() -> jinja2.Environment:
    # Autoescape is off for Markdown alone, which has no tags to be misread.
    environment = jinja2.Environment(  # nosec B701
        loader=jinja2.PackageLoader("pskd_tf.reporting"),
        autoescape=lambda name: name is None or not name.endswith(".md.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "words": words,
        "percent": percent,
        "paired_text": paired_text,
        "css_colour": css_colour,
        "thousands": lambda value: f"{value:,}",
    }
    environment.globals["palette"] = PALETTE
    return environment


def render(template: str, **content: object) -> str:
    """Fills a template.

    Args:
        template: Its name, such as `report.html.j2`.
        **content: What it names; all text is escaped in HTML.

    Returns:
        The page.

    Raises:
        jinja2.UndefinedError: The template names something that is not given.
    """
    return _templates().get_template(template).render(content)


def write_page(path: Path, text: str) -> None:
    """Writes a page, whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
