"""The report's colours, and matplotlib figures as inline SVG with tooltips.

A figure is drawn in the colours of the light page. Its SVG names each of them as a CSS variable,
so that the page can show the same chart on a dark background.
"""

import hashlib
import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree  # nosec B405

import matplotlib.style
from markupsafe import Markup
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pskd_tf.reporting.tables import Table

# Name of the CSS variable -> colour on the light and on the dark page.
PALETTE = {
    "ink": ("#1c2024", "#e4e7ea"),
    "soft": ("#5b6570", "#a3acb5"),
    "line": ("#e3e0da", "#363b41"),
    "plate": ("#f5f3ee", "#22262b"),
    "paper": ("#fdfcfa", "#17191c"),
    "accent": ("#0b5c8a", "#6db8e8"),
    "blue": ("#0b6fb0", "#5aaae6"),
    "green": ("#0a7d62", "#3fbf9a"),
    "amber": ("#b0760b", "#dba43c"),
    "grey": ("#6b7178", "#9aa1a9"),
    "orange": ("#c8501e", "#f0855a"),
    "purple": ("#8d5aa8", "#bf92d8"),
    "teal": ("#2a7f96", "#62b6cc"),
    "olive": ("#6f6a1f", "#b8b25a"),
    "brown": ("#7a4b2a", "#c4936f"),
    "rose": ("#a2486f", "#dc86ab"),
    "navy": ("#2f3e5c", "#a9b9dc"),
    "silver": ("#9aa0a6", "#737a82"),
    "red": ("#b03a48", "#e8747f"),
}
_LIGHT = {name: light for name, (light, _) in PALETTE.items()}
INK, SOFT, LINE, PLATE, PAPER = (_LIGHT[name] for name in ("ink", "soft", "line", "plate", "paper"))
RIGHT, WRONG = _LIGHT["accent"], _LIGHT["orange"]
_VARIABLES = {light: f"var(--{name})" for name, light in _LIGHT.items()}
_COLOURS = {
    "teachers/skeleton_teacher": "blue",
    "teachers/fusion_teacher": "green",
    "teachers/accelerometer_teacher": "amber",
    "teachers/accelerometer_student": "amber",
    "baseline": "grey",
    "students/cross_fitted": "orange",
    "students/in_sample": "purple",
    "students/live": "teal",
    "students/live_mixture": "olive",
    "students/live_ensemble": "brown",
    "students/each_cut": "green",
    "pruned": "rose",
    "int8": "navy",
    "ground_truth": "silver",
    "x axis": "red",
    "y axis": "green",
    "z axis": "blue",
}
_OTHERS = ("orange", "blue", "green", "amber", "purple", "rose", "teal", "olive")

_STYLE = {
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.h_pad": 2 / 72,
    "figure.constrained_layout.w_pad": 2 / 72,
    "font.size": 10.5,
    "text.color": INK,
    "text.parse_math": False,  # a class may be called `$x$`
    "axes.edgecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.titlecolor": SOFT,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.linewidth": 0.8,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": LINE,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "svg.fonttype": "none",
    "svg.hashsalt": "pskd_tf",
}


def colour_of(name: str) -> str:
    """Returns the colour of a model, target or axis on the light page.

    Args:
        name: As `ScoredModel.name`, a teacher's own name, `ground_truth`, or `x axis`.

    Returns:
        `#rrggbb`; an unknown name gets a colour by its letters.
    """
    known = _COLOURS.get(name) or _COLOURS.get(f"teachers/{name}")
    return _LIGHT[known or _OTHERS[sum(name.encode()) % len(_OTHERS)]]


def numbered_colour(number: int) -> str:
    """Returns a colour for the n-th of many, such as classes or runs."""
    return _LIGHT[_OTHERS[number % len(_OTHERS)]]


def css_colour(colour: str) -> str:
    """Returns the CSS variable of a colour of the palette, given as on the light page."""
    return _VARIABLES[colour]


@dataclass(frozen=True)
class Chart:
    """A chart of the report.

    Attributes:
        svg: Markup of the drawing.
        values: The plotted values, where the marks have no tooltips.
    """

    svg: Markup
    values: Table | None = None


@dataclass(frozen=True)
class Panel:
    """A chart with its heading.

    Attributes:
        heading: Text above.
        chart: The chart.
        remark: Text below, if any.
    """

    heading: str
    chart: Chart
    remark: str = ""


chart_style = matplotlib.style.context(_STYLE, after_reset=True)


class Drawing:
    """A matplotlib figure whose marks can have tooltips; use it in a function under `chart_style`.

    Args:
        title: What the chart shows, for readers who cannot see it.
        width: In pixels, at the size at which text has its normal size.
        height: In pixels.
        rows: Number of plots, one above the other.
        **options: As for `Figure.subplots`.
    """

    def __init__(self, title: str, width: float, height: float, rows: int = 1, **options: Any):
        self.title = title
        self.figure = Figure(figsize=(width / 72, height / 72))
        self.plots: list[Axes] = list(self.figure.subplots(rows, squeeze=False, **options)[:, 0])
        self.figure.patch.set_visible(False)
        for plot in self.plots:
            plot.patch.set_visible(False)
        self._marks: dict[str, tuple[Sequence[str], dict[str, str]]] = {}

    @property
    def plot(self) -> Axes:
        """The first plot."""
        return self.plots[0]

    def tooltips(self, artist: Artist, *texts: str, **data: object) -> None:
        """Gives an artist its tooltip.

        Args:
            artist: What was drawn.
            *texts: One for the whole artist, or one for each point of a scatter plot.
            **data: `data-...` attributes of its group, for the page's script.
        """
        identifier = f"mark-{len(self._marks)}"
        artist.set_gid(identifier)
        attributes = {f"data-{name}": str(value) for name, value in data.items()}
        self._marks[identifier] = (texts, attributes)

    def finish(self, values: Table | None = None) -> Chart:
        """Writes the figure as SVG.

        Args:
            values: The plotted values, where the marks have no tooltips.

        Returns:
            The chart. The same drawing gives the same bytes.
        """
        buffer = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        with warnings.catch_warnings():
            # Only the width of a label is taken from matplotlib's font; a browser has the glyphs.
            warnings.filterwarnings("ignore", "Glyph .* missing from font")
            self.figure.savefig(buffer, format="svg", metadata=nothing)
        # matplotlib and ElementTree have escaped every text in it.
        return Chart(Markup(self._inline(buffer.getvalue())), values)  # nosec B704

    def _inline(self, svg: bytes) -> str:
        # What it reads, matplotlib has just written.
        root = ElementTree.fromstring(svg)  # nosec B314
        # Ids are unique in a page as long as no chart stands there twice.
        prefix = f"chart-{hashlib.sha256(self.title.encode() + svg).hexdigest()[:8]}-"
        for element in list(root.iter()):
            element.tag = _local(element.tag)
            element.tail = None  # white space
            element.text = element.text if element.tag == "text" else None
            element.attrib = {
                _local(name): _attribute(value, prefix) for name, value in element.attrib.items()
            }
        for element in list(root.iter()):
            self._mark(element, element.attrib.pop("id", None), prefix)
        _simplify(root)
        box = root.get("viewBox", "")
        width = float(box.split()[2])
        root.insert(0, _title(self.title))
        root.attrib = {
            "viewBox": box,
            "role": "img",
            "aria-label": self.title,
            "style": f"max-width:{1.3 * width:.0f}px",
        }
        return ElementTree.tostring(root, encoding="unicode")

    def _mark(self, element: ElementTree.Element, identifier: str | None, prefix: str) -> None:
        if identifier in self._marks:
            texts, attributes = self._marks[identifier]
            element.attrib.update(attributes)
            # Equal points are uses of one path, others are paths of their own.
            points = list(element.iter("use")) or list(element.iter("path"))
            holders = points if len(texts) > 1 else [element]
            for holder, text in zip(holders, texts, strict=True):
                holder.insert(0, _title(text))
        elif identifier and element.tag in ("path", "clipPath"):
            element.set("id", f"{prefix}{identifier}")


def _title(text: str) -> ElementTree.Element:
    title = ElementTree.Element("title")
    title.text = text
    return title


def _simplify(element: ElementTree.Element) -> None:
    """Removes what shows nothing: groups without attributes, styles of the whole page, metadata."""
    children = []
    for child in element:
        _simplify(child)
        # A style sheet in a drawing would apply to the whole page.
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            continue
        is_plain = child.tag == "g" and not child.attrib and child[0].tag != "title"
        children += list(child) if is_plain else [child]
    element[:] = children


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _attribute(value: str, prefix: str) -> str:
    value = re.sub(r"(url\(#|^#(?=m))", rf"\g<1>{prefix}", value)
    value = re.sub(r"(\.\d\d)\d+", r"\1", value)
    value = re.sub(r"#[0-9a-f]{6}\b", lambda found: _VARIABLES.get(found[0], found[0]), value)
    value = re.sub(r"font-family: [^;]*; ?|; stroke-linecap: square|rotate\(-0 [^)]*\)", "", value)
    return " ".join(value.split())
