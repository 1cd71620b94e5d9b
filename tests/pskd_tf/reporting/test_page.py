"""The pages as HTML: valid, self-contained, and safe against what a data set says."""

import itertools
import re
from collections import Counter
from importlib import resources
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import jinja2
import pytest

from pskd_tf.reporting.charts import PALETTE
from pskd_tf.reporting.page import render
from pskd_tf.reporting.tables import Table
from pskd_tf.training_settings import SELECTIONS


def parsed(text: str) -> Element:
    """Parses a page; any parse error of the HTML standard raises."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(text)


def children(root: Element, tag: str) -> list[list[str]]:
    return [[child.tag for child in one] for one in root.iter(tag)]


@pytest.mark.parametrize("name", ["report", "comparison"])
def test_a_page_is_valid_html(name, request, tiny_run):
    path = tiny_run / "report.html" if name == "report" else request.getfixturevalue("comparison")
    text = Path(path).read_text(encoding="utf-8")
    root = parsed(text)
    ids = Counter(one.get("id") for one in root.iter() if one.get("id"))
    assert max(ids.values()) == 1
    links = [one.get("href") for one in root.iter("a")]
    assert links and {link.removeprefix("#") for link in links} <= set(ids)
    used = set(re.findall(r'(?:xlink:href="|href="|url\()#([\w-]+)', text))
    assert used <= set(ids)
    # In a description list each group is a term and its description, in this order.
    for groups in children(root, "dl"):
        assert set(groups) == {"div"}
    for one in (group for whole in root.iter("dl") for group in whole):
        assert [child.tag for child in one] == ["dt", "dd"]
    for one in children(root, "figure"):
        assert one[0] == "figcaption" and one.count("figcaption") == 1
    for tag in ("ul", "ol"):
        assert all(set(one) == {"li"} for one in children(root, tag))
    for one in children(root, "details"):
        assert one[0] == "summary" and len(one) > 1
    for table in root.iter("table"):
        width = {len(row) for row in table.iter("tr")}
        assert len(width) == 1, [cell.text for cell in table.iter("th")]
    levels = [int(one.tag[1]) for one in root.iter() if re.fullmatch("h[1-6]", str(one.tag))]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    (document,) = root.iter("html")
    assert document.get("lang") == "en" and text.startswith("<!DOCTYPE html>")


def test_every_value_of_a_chart_can_be_read_off(tiny_run):
    """By tooltips, or by a table behind the chart."""
    root = parsed((tiny_run / "report.html").read_text(encoding="utf-8"))
    svg = "{http://www.w3.org/2000/svg}"
    charts = 0
    for parent in root.iter():
        for number, child in enumerate(parent):
            if child.tag == f"{svg}svg":
                charts += 1
                following = parent[number + 1].tag if number + 1 < len(parent) else None
                titles = len(list(child.iter(f"{svg}title")))
                assert titles > 1 or following == "details", child.get("aria-label")
    assert charts > 20


def test_a_page_needs_no_network(tiny_run):
    text = (tiny_run / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="(?!#|data:,)', text)
    assert "@import" not in text and "http://" not in text


def test_what_a_data_set_says_cannot_break_out_of_a_page():
    evil = "</title><script>alert('x')</script>"
    table = Table([evil, "n"], [[evil, evil]], strong_rows=[0])
    empty = Table(["Setting"], [])
    text = render(
        "comparison.html.j2",
        heading=evil,
        first=evil,
        sentences=[evil],
        scores=table,
        score_panels=[],
        differences=table,
        difference_panels=[],
        subjects=table,
        settings=empty,
    )
    root = parsed(text)
    assert "alert" in text and len(list(root.iter("script"))) == 1
    (heading,) = root.iter("h1")
    assert heading.text == evil
    (row, *_) = (one for one in root.iter("tr") if one.get("class") == "strong")
    assert [cell.text for cell in row] == [evil, evil]
    assert "The settings are the same in all runs." in text


def test_a_template_that_names_what_is_not_given_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'first' is undefined"):
        render("comparison.html.j2")


def test_every_selection_of_the_settings_is_explained():
    template = (resources.files("pskd_tf.reporting") / "templates" / "report.html.j2").read_text()
    for selection in SELECTIONS:
        assert f'"{selection}": "each sample learns' in template


def test_the_style_uses_only_colours_of_the_palette():
    style = (resources.files("pskd_tf.reporting") / "templates" / "style.css").read_text()
    assert set(re.findall(r"var\(--(\w+)\)", style)) <= set(PALETTE)
    assert not re.search(r"#[0-9a-f]{3,6}\b", style)
    assert "var(--paper)" in style
