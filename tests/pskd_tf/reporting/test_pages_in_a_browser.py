"""The pages as a browser shows them, on a wide and on a narrow screen."""

import pytest

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
