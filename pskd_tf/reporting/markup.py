"""HTML of the report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np
from scipy import stats


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


def percent(summary: Mapping[str, Any]) -> str:
    """Returns `92.3 ± 1.1`: mean and sample standard deviation over seeds, in per cent.

    Args:
        summary: `mean`, `std` and `values` as `metrics.json` holds them, fractions 0..1.
    """
    mean = f"{100 * summary['mean']:.1f}"
    return mean if len(summary["values"]) < 2 else f"{mean} ± {100 * summary['std']:.1f}"


def points(values: Sequence[float]) -> str:
    """Returns `+0.6 ± 0.7`: mean and sample standard deviation of differences, in points."""
    mean = f"{100 * np.mean(values):+.1f}".replace("-", "−")
    return mean if len(values) < 2 else f"{mean} ± {100 * np.std(values, ddof=1):.1f}"


def words(name: str, longest: int = 1000) -> str:
    """Returns a name of the code as words: `draw_x` becomes `draw x`.

    Args:
        name: The name.
        longest: Characters beyond which it is cut.
    """
    text = _HYPHENATED.get(name) or name.replace("_", " ")
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


_HYPHENATED = {
    name: name.replace("_", "-")
    for name in (
        "cross_fitted",
        "in_sample",
        "cross_subject",
        "cross_session",
        "cross_scene",
        "leave_one_subject_out",
    )
}


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


PAGE_STYLE = """
:root { --ink: #1c2024; --soft: #5b6570; --line: #e3e0da; --paper: #fdfcfa; --plate: #f5f3ee;
  --accent: #0b5c8a; color-scheme: light; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif; }
.layout { max-width: 1380px; margin: 0 auto; padding: 0 40px;
  display: grid; grid-template-columns: 190px minmax(0, 1fr); gap: 48px; }
nav { position: sticky; top: 0; align-self: start; padding: 56px 0 24px; font-size: 14px;
  max-height: 100vh; overflow-y: auto; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav a { display: block; padding: 5px 0; color: var(--soft); text-decoration: none; }
nav a:hover, nav a:focus { color: var(--accent); }
main { padding: 48px 0 80px; min-width: 0; }
h1 { font-size: 34px; line-height: 1.15; letter-spacing: -.018em; font-weight: 650;
  margin: 0 0 20px; }
h2 { font-size: 23px; line-height: 1.25; letter-spacing: -.01em; font-weight: 640;
  margin: 0 0 14px; }
h3 { font-size: 17px; font-weight: 630; margin: 34px 0 10px; }
h4 { font-size: 14.5px; font-weight: 620; margin: 0 0 8px; }
h4::first-letter { text-transform: uppercase; }
p { margin: 0 0 14px; max-width: 74ch; }
a { color: var(--accent); }
.kicker { color: var(--soft); font-size: 14px; margin: 0 0 10px; }
.lead { font-size: 18.5px; line-height: 1.55; max-width: 68ch; }
section { border-top: 1px solid var(--line); margin-top: 44px; padding-top: 34px; }
.facts { display: grid; gap: 14px 24px;
  grid-template-columns: repeat(auto-fit, minmax(150px, 1fr));
  margin: 26px 0 22px; }
.fact { display: flex; flex-direction: column; padding-left: 12px;
  border-left: 3px solid var(--accent); }
.fact dd { margin: 0; font-size: 22px; font-weight: 620; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums; white-space: nowrap; }
.fact dt { font-size: 13px; color: var(--soft); }
.warnings { margin: 0; padding: 14px 18px 14px 34px; background: var(--plate); font-size: 14.5px;
  max-width: 90ch; }
.warnings li + li { margin-top: 5px; }
.remark, figcaption { color: var(--soft); font-size: 13.5px; line-height: 1.5; max-width: 84ch; }
figure { margin: 28px 0 24px; }
figcaption { margin-bottom: 14px; }
.panels { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr));
  gap: 28px 30px; align-items: start; }
.panels.single { grid-template-columns: minmax(0, 1fr); }
.panels.wide { grid-template-columns: repeat(auto-fill, minmax(min(420px, 100%), 1fr)); }
.panel { min-width: 0; }
.panel .remark { margin: 6px 0 0; font-size: 12.5px; }
.clip .remark { margin: -6px 0 6px; }
svg { display: block; width: 100%; height: auto; overflow: visible;
  font-family: inherit; fill: var(--ink); }
svg .tick { font-size: 10.5px; fill: var(--soft); font-variant-numeric: tabular-nums; }
svg .name { font-size: 10.5px; fill: var(--soft); }
svg .row { font-size: 11.5px; fill: var(--ink); }
svg .halo { font-size: 12px; font-weight: 700; cursor: default;
  paint-order: stroke; stroke: #fff; stroke-width: 3.5px; stroke-linejoin: round; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .axis { stroke: #9a9fa5; stroke-width: 1; }
svg .plate { fill: var(--plate); }
svg .bones { stroke-linecap: round; }
.legend, .numbered, .answers { list-style: none; margin: 0 0 16px; padding: 0; font-size: 13px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; }
.legend li { display: inline-flex; align-items: center; gap: 7px; }
.legend + .legend { margin-top: -10px; }
.key { width: 11px; height: 11px; display: inline-block; flex: none; border-radius: 2px; }
.key.mark { width: 3px; height: 14px; border-radius: 0; }
.numbered { columns: 170px; column-gap: 20px; }
.numbered li { break-inside: avoid; cursor: default; padding: 1px 0; }
.numbered b { display: inline-block; min-width: 1.7em; text-align: right; }
.answers { margin: 8px 0 0; }
.answers li { padding: 2px 0; border-top: 1px solid var(--line); }
.answers .who { display: inline-block; width: 12.5em; color: var(--soft); }
.right { color: #0b5c8a; } .wrong { color: #b3431a; }
.maps.pointed svg [data-class] { opacity: .1; }
.maps.pointed svg [data-class].on { opacity: 1; }
.maps.pointed .numbered li { opacity: .4; } .maps.pointed .numbered li.on { opacity: 1; }
.scroll { overflow-x: auto; margin: 16px 0; }
.scroll:focus-visible { outline: 2px solid var(--accent); }
table { border-collapse: collapse; font-size: 14.5px; min-width: min(100%, 460px); }
th, td { text-align: right; padding: 7px 14px; border-bottom: 1px solid var(--line);
  font-variant-numeric: tabular-nums; vertical-align: top; }
td { white-space: nowrap; }
thead th, thead th:first-child { color: var(--soft); font-weight: 600; font-size: 13px;
  vertical-align: bottom;  border-bottom: 1px solid #b9b5ac; }
th:first-child { text-align: left; padding-left: 0; font-weight: 500; position: sticky; left: 0;
  background: var(--paper); min-width: 9em; }
tr.strong td, tr.strong th { font-weight: 680; }
caption::first-letter { text-transform: uppercase; }
caption { text-align: left; font-size: 14.5px; font-weight: 620; padding-bottom: 6px; }
pre { background: var(--plate); padding: 12px 16px; white-space: pre-wrap; font-size: 13px;
  line-height: 1.5; overflow-wrap: anywhere; }
code, .code td { font-family: ui-monospace, Menlo, Consolas, "Liberation Mono", monospace; }
.code td { font-size: 12.5px; white-space: normal; word-break: break-all; }
.text td, .code td, .text th, .code th { text-align: left; }
details { margin: 0 0 12px; } summary { cursor: pointer; color: var(--accent); font-size: 14.5px; }
@media (max-width: 1020px) {
  .layout { grid-template-columns: minmax(0, 1fr); padding: 0 28px; gap: 0; }
  nav { position: static; padding: 24px 0 0; max-height: none; }
  nav ol { display: flex; flex-wrap: wrap; gap: 0 18px; }
  main { padding-top: 28px; }
}
@media (max-width: 560px) {
  .layout { padding: 0 16px; }
  h1 { font-size: 26px; } h2 { font-size: 20px; } .lead { font-size: 16.5px; }
  .facts { grid-template-columns: 1fr 1fr; } .fact dd { font-size: 19px; }
  th, td { padding: 6px 9px; } table { font-size: 13.5px; }
  th:first-child { min-width: 8.8em; overflow-wrap: break-word; }
  nav a { padding: 3px 0; }
}
@media print { nav { display: none; } .layout { display: block; } }
"""


PAGE_SCRIPT = """
for (const maps of document.querySelectorAll(".maps")) {
  const marks = maps.querySelectorAll("[data-class]");
  const show = (event) => {
    const found = event.target.closest("[data-class]");
    maps.classList.toggle("pointed", found !== null);
    for (const mark of marks)
      mark.classList.toggle("on", found !== null && mark.dataset.class === found.dataset.class);
  };
  maps.addEventListener("pointerover", show);
  maps.addEventListener("click", show);
  maps.addEventListener("pointerleave", show);
}
"""


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


def paired_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Returns the 95 % interval of Student's t around a mean difference.

    It covers the draw of seeds and nothing else: neither other subjects nor other data.

    Args:
        values: One difference a seed.

    Returns:
        Its ends, or None for one value.
    """
    if len(values) < 2:
        return None
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    mean = float(np.mean(values))
    return mean - float(half), mean + float(half)


def paired_text(values: Sequence[float]) -> str:
    """Returns a mean difference with its spread, n and interval, in percentage points.

    Args:
        values: One difference a seed, fractions -1..1.
    """
    text = f"{points(values)} points (paired by seed, n = {len(values)}"
    interval = paired_interval(values)
    if interval is None:
        return f"{text}: one seed shows no spread)"
    low, high = (f"{100 * end:+.1f}".replace("-", "−") for end in interval)
    zero = "includes zero" if interval[0] <= 0 <= interval[1] else "excludes zero"
    return f"{text}; 95 % interval over seeds {low} to {high}, which {zero})"
