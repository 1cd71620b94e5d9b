"""One section of a page."""

from dataclasses import dataclass
from html import escape

from pskd_tf.reporting.markup.element import element


@dataclass(frozen=True)
class Section:
    """A heading with what stands below it.

    Attributes:
        anchor: Its id in the page.
        title: Its heading.
        body: Markup.
    """

    anchor: str
    title: str
    body: str

    @property
    def markup(self) -> str:
        """The section as HTML."""
        heading = element("h2", escape(self.title))
        return element("section", heading, self.body, id=self.anchor)


def paragraph(text: str, kind: str | None = None) -> str:
    """Returns plain text as a paragraph of a class."""
    return element("p", escape(text), class_=kind)
