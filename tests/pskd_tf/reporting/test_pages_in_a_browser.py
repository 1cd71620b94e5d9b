"""The pages as a browser shows them, on a wide and on a narrow screen."""

import json
import shutil
from pathlib import Path

import pytest

from pskd_tf.reporting.comparison import write_comparison

# Marks of every drawing that have a place on the page.
_DRAWN = """[...document.querySelectorAll("section")].map(section => ({
  id: section.id,
  marks: [...section.querySelectorAll("figure svg")].map(drawing =>
    [...drawing.querySelectorAll("rect:not(.plate), circle, path")].filter(mark => {
      const box = mark.getBoundingClientRect();
      return box.width + box.height > 0;
    }).length)
}))"""


@pytest.fixture(scope="module")
def comparison(tiny_run, tmp_path_factory) -> Path:
    """A tiny run beside a copy that says it had another seed as well."""
    folder = tmp_path_factory.mktemp("comparison")
    copy = folder / "other"
    copy.mkdir()
    for name in ("metrics.json", "settings.json"):
        shutil.copy(tiny_run / name, copy / name)
    metrics = json.loads((copy / "metrics.json").read_text())
    metrics["seeds"] = [1, 2]
    for scores in (*metrics["student"].values(), metrics["baseline"]["cross_entropy"]):
        for one in scores.values():
            one["values"] = [one["values"][0] / 2, 0.5]
    (copy / "metrics.json").write_text(json.dumps(metrics))
    write_comparison([tiny_run, copy], folder / "comparison.html")
    return folder / "comparison.html"


@pytest.mark.parametrize("width", [1400, 400])
def test_the_report_draws_every_section_in_silence_and_alone(chromium, tiny_run, width):
    path = tiny_run / "report.html"
    chromium.open(path, width)
    sections = chromium.evaluate(_DRAWN)
    assert len(sections) == 10
    for section in sections:
        assert section["marks"], section["id"]
        assert min(section["marks"]) > 0, section["id"]
    assert chromium.complaints() == []
    assert chromium.requests() == [path.resolve().as_uri()]
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width


def test_pointing_at_a_class_shows_it_in_every_map(chromium, tiny_run):
    chromium.open(tiny_run / "report.html", 1400)
    point = "document.querySelector('.maps circle[data-class=\"3\"]').dispatchEvent("
    chromium.evaluate(point + "new PointerEvent('pointerover', {bubbles: true}))")
    shown = chromium.evaluate(
        "[...document.querySelectorAll('.maps .on')].map(mark => mark.dataset.class)"
    )
    # Four maps with twelve clips and a number each, and a line of the list.
    assert shown == ["3"] * (4 * 13 + 1)
    assert chromium.complaints() == []


@pytest.mark.parametrize("width", [1400, 400])
def test_a_comparison_draws_numbers_and_differences(chromium, comparison, width):
    chromium.open(comparison, width)
    drawn = {section["id"]: section["marks"] for section in chromium.evaluate(_DRAWN)}
    assert drawn["numbers"] == [3, 3, 3, 3]  # four forms; one seed and two
    assert drawn["paired"] == [1, 1, 1, 1]  # the one seed that both have
    assert chromium.complaints() == []
    assert chromium.requests() == [comparison.resolve().as_uri()]
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width


def test_the_browser_does_report_what_it_must(chromium, tmp_path):
    """The two tests above would pass with a deaf browser; this one would not."""
    page = tmp_path / "page.html"
    page.write_text('<script>console.error("x"); throw Error("y")</script><img src="no.png">')
    chromium.open(page, 800)
    kinds = {event["method"] for event in chromium.complaints()}
    assert {"Runtime.consoleAPICalled", "Runtime.exceptionThrown"} <= kinds
    assert len(chromium.requests()) == 2
