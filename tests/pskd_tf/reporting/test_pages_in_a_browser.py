"""The pages as a browser shows them, on a wide and on a narrow screen."""

import re

import pytest

from project import ROOT

# Marks of every drawing that have a place on the page.
_DRAWN = """[...document.querySelectorAll("section")].map(section => ({
  id: section.id,
  marks: [...section.querySelectorAll("figure svg")].map(drawing =>
    [...drawing.querySelectorAll("use, path")].filter(mark => {
      // Neither axes nor grid.
      if (/var[(]--(line|soft)[)]/.test(mark.getAttribute("style"))) return false;
      const box = mark.getBoundingClientRect();
      return box.width + box.height > 0;
    }).length)
}))"""


@pytest.mark.parametrize("width", [1400, 400])
def test_the_report_draws_every_section_in_silence_and_alone(chromium, tiny_run, width):
    path = tiny_run / "report.html"
    chromium.open(path, width)
    sections = chromium.evaluate(_DRAWN)
    assert len(sections) == 11
    # Nothing is drawn of a stream before `pskd_tf.simulate` has measured it.
    for section in (one for one in sections if one["id"] != "stream"):
        assert section["marks"], section["id"]
        assert min(section["marks"]) > 0, section["id"]
    assert chromium.complaints() == []
    assert chromium.requests() == [path.resolve().as_uri()]
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width


def test_the_page_is_dark_where_the_reader_s_system_is_and_light_on_paper(chromium, tiny_run):
    colours = {}
    for media, scheme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        chromium.call("Emulation.setEmulatedMedia", media=media, features=features)
        chromium.open(tiny_run / "report.html", 1400)
        colours[media, scheme] = chromium.evaluate(
            """["body", "svg text"].map(one => {
                const style = getComputedStyle(document.querySelector(one));
                return one === "body" ? style.backgroundColor : style.fill;
            })"""
        )
    chromium.call("Emulation.setEmulatedMedia", media="", features=[])
    light = ["rgb(253, 252, 250)", "rgb(91, 101, 112)"]
    assert colours["screen", "light"] == colours["print", "dark"] == light
    assert colours["screen", "dark"] == ["rgb(23, 25, 28)", "rgb(163, 172, 181)"]


def test_pointing_at_a_class_shows_it_in_every_map(chromium, tiny_run):
    chromium.open(tiny_run / "report.html", 1400)
    point = "document.querySelector('.maps [data-class=\"3\"] use').dispatchEvent("
    chromium.evaluate(point + "new PointerEvent('pointerover', {bubbles: true}))")
    shown = chromium.evaluate(
        "[...document.querySelectorAll('.maps .on')].map(mark => mark.dataset.class)"
    )
    # A line of the list, and the dots and the number of the class in four maps.
    assert shown == ["3"] * (1 + 4 * 2)
    assert chromium.complaints() == []


@pytest.mark.parametrize("width", [1400, 400])
def test_a_comparison_draws_numbers_and_differences(chromium, comparison, width):
    chromium.open(comparison, width)
    dots = (
        "[...document.querySelectorAll('#{} svg')].map(one => one.querySelectorAll('use').length)"
    )
    # Four forms; one seed and two, and the one seed that both have.
    assert chromium.evaluate(dots.format("scores")) == [3, 3, 3, 3]
    assert chromium.evaluate(dots.format("differences")) == [1, 1, 1, 1]
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


_TITLES = (
    "[...document.querySelectorAll('tbody:not([hidden]) > .method')]"
    ".map(one => one.cells[0].dataset.value)"
)
BOARD = ROOT / "benchmarks" / "results" / "utd_mhad" / "leaderboard.html"


def _column(chromium, number: int) -> list[float]:
    """Returns the figures of a column from top to bottom, None where there is none."""
    return chromium.evaluate(
        f"[...document.querySelectorAll('.method')].map(one => one.cells[{number}].dataset.value)"
        ".map(value => value === '' ? null : Number(value))"
    )


@pytest.mark.parametrize("width", [1400, 400])
def test_a_heading_sorts_a_leaderboard_by_its_column(chromium, width):
    chromium.open(BOARD, width)
    number = chromium.evaluate(
        "[...document.querySelectorAll('.board > thead th')].findIndex(one => "
        "one.textContent.includes('accuracy') && one.textContent.includes('test subjects'))"
    )
    for order in ("descending", "ascending", "descending"):
        chromium.evaluate(f"document.querySelectorAll('.board > thead button')[{number}].click()")
        headings = chromium.evaluate(
            "[...document.querySelectorAll('[aria-sort]')]"
            ".map(one => [one.cellIndex, one.ariaSort])"
        )
        assert headings == [[number, order]]
        column = _column(chromium, number)
        figures = [one for one in column if one is not None]
        assert figures == sorted(figures, reverse=order == "descending") and len(figures) > 20
        assert column[len(figures) :] == [None] * (len(column) - len(figures))
    chromium.evaluate("document.querySelector('.board > thead button').click()")
    titles = chromium.evaluate(_TITLES)
    assert titles[0] == "ACS gap" and titles == sorted(titles, key=str.casefold)
    assert chromium.complaints() == []
    assert chromium.requests() == [BOARD.as_uri()]
    assert chromium.evaluate("document.documentElement.scrollWidth") <= width


def test_a_leaderboard_filters_its_rows_and_unfolds_their_cells(chromium):
    chromium.open(BOARD, 1400)
    chromium.evaluate("filter.value = 'ca-mkd live'; filter.dispatchEvent(new Event('input')); 1")
    assert chromium.evaluate(_TITLES) == ["CA-MKD, live"]
    assert chromium.evaluate("document.querySelector('output').value").startswith("1 of ")
    seen = "[...document.querySelectorAll('.cells')].filter(one => one.offsetHeight > 0).length"
    assert chromium.evaluate(seen) == 0
    button = "document.querySelector('tbody:not([hidden]) button.title')"
    chromium.evaluate(f"{button}.focus()")
    for kind in ("keyDown", "keyUp"):
        chromium.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", text="\r",
                      windowsVirtualKeyCode=13)  # fmt: skip
    assert chromium.evaluate(f"{button}.ariaExpanded") == "true"
    assert chromium.evaluate(seen) == 1
    cells = "document.querySelectorAll('tbody:not([hidden]) > .cells .groups tbody tr').length"
    assert chromium.evaluate(cells) >= 8 + 5
    chromium.evaluate("document.querySelector('tbody:not([hidden]) > .method td').click()")
    assert chromium.evaluate(seen) == 0


def test_a_leaderboard_without_scripts_shows_all_rows_and_a_list_of_cells_each(chromium, tmp_path):
    text = BOARD.read_text(encoding="utf-8")
    assert text.count("<script>") == 1
    path = tmp_path / "leaderboard.html"
    path.write_text(re.sub(r"(?s)<script>.*</script>", "", text), encoding="utf-8")
    chromium.open(path, 1400)
    assert chromium.evaluate("document.querySelector('.tools').offsetHeight") == 0
    heights = chromium.evaluate(
        "[...document.querySelectorAll('.cells summary')].map(one => one.offsetHeight)"
    )
    assert len(heights) > 30 and min(heights) > 10
