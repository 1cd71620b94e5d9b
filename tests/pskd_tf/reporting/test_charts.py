"""Charts: as many marks as there are values, each with its number, the same bytes every time."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from pskd_tf.reporting.charts import (
    INK,
    PALETTE,
    Chart,
    Drawing,
    chart_style,
    colour_of,
    css_colour,
    numbered_colour,
)
from pskd_tf.reporting.clip_drawing import Body, body_plane, clip_chart
from pskd_tf.reporting.score_charts import (
    BarRow,
    CostDot,
    DotRow,
    Mark,
    amount_bars,
    bar_rows,
    confusion_matrix_chart,
    cost_chart,
    reliability_diagram,
    seed_dots,
)
from pskd_tf.reporting.training_charts import (
    embedding_chart,
    selection_by_class,
    selection_by_epoch,
    training_curves,
)


def tooltips(chart: Chart) -> list[str]:
    """Returns the texts of all marks; the first title is that of the chart."""
    return [one.text for one in ElementTree.fromstring(chart.svg).iter("title")][1:]


def coloured(chart: Chart, name: str) -> int:
    """Counts the lines in a colour."""
    return chart.svg.count(f"stroke: {css_colour(colour_of(name))}")


@chart_style
def two_dots(first: float = 1.0) -> Chart:
    drawing = Drawing("<title> & more", 300, 200)
    dots = drawing.plot.scatter([first, 2], [1, 2], color=INK)
    drawing.tooltips(dots, "<a>", "b", **{"class": 3})
    drawing.plot.set_xlabel("$x$ & 猫")
    return drawing.finish()


def test_a_chart_is_a_drawing_with_a_title_tooltips_and_the_colours_of_the_page():
    chart = two_dots()
    root = ElementTree.fromstring(chart.svg)
    assert root.attrib["role"] == "img" and root.attrib["aria-label"] == "<title> & more"
    assert root.attrib["viewBox"] == "0 0 300 200"
    assert root[0].tag == "title" and root[0].text == "<title> & more"
    assert tooltips(chart) == ["<a>", "b"]
    (group,) = (one for one in root.iter("g") if one.get("data-class") == "3")
    assert len(list(group.iter("use"))) == 2
    assert "$x$ & 猫" in [one.text for one in root.iter("text")]
    assert "var(--ink)" in chart.svg and not re.search("#[0-9a-f]{6}", chart.svg)
    assert "<style" not in chart.svg and "font-family" not in chart.svg


def test_a_chart_has_the_same_bytes_every_time_and_ids_of_its_own():
    assert two_dots().svg == two_dots().svg
    ids = [set(re.findall(r'\bid="([^"]+)"', two_dots(first).svg)) for first in (1.0, 1.5)]
    assert len(ids[0]) == 2 and not ids[0] & ids[1]
    for chart in (two_dots(), two_dots(1.5)):
        used = set(re.findall(r'(?:href="|url\()#([^")]+)', chart.svg))
        assert used == set(re.findall(r'\bid="([^"]+)"', chart.svg))


def test_the_settings_of_a_user_s_matplotlib_change_nothing():
    import matplotlib

    before = two_dots().svg
    with matplotlib.rc_context({"font.size": 30, "axes.grid": False, "svg.fonttype": "path"}):
        assert two_dots().svg == before


def test_colours_are_of_the_palette_and_known_models_have_their_own():
    for name in ("teachers/skeleton_teacher", "skeleton_teacher", "no such model", "x axis"):
        assert css_colour(colour_of(name)).startswith("var(--")
    assert colour_of("skeleton_teacher") == colour_of("teachers/skeleton_teacher") == "#0b6fb0"
    assert numbered_colour(1) == numbered_colour(9) != numbered_colour(0)
    assert len({light for light, _ in PALETTE.values()}) == len(PALETTE)


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("mode", [0, 1], ids=["light", "dark"])
def test_marks_and_text_stand_out_from_the_page(mode):
    """WCAG asks 4.5 of text and 3 of marks; the silver of the ground truth is a filled area."""
    paper = luminance(PALETTE["paper"][mode])
    for name in PALETTE.keys() - {"paper", "plate", "line", "silver"}:
        own = luminance(PALETTE[name][mode])
        contrast = (max(own, paper) + 0.05) / (min(own, paper) + 0.05)
        assert contrast > (4.5 if name in ("ink", "soft", "accent") else 3.5), name


def test_a_confusion_matrix_draws_each_cell_that_is_not_zero():
    counts = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    assert tooltips(confusion_matrix_chart(counts, ["a_b", "c", "d"], "title")) == [
        "true a b, predicted a b: 75 % (3 of 4 clips)",
        "true a b, predicted c: 25 % (1 of 4 clips)",
        "true c, predicted c: 100 % (4 of 4 clips)",
    ]


def test_only_a_small_confusion_matrix_has_numbers_in_its_cells():
    small = confusion_matrix_chart(np.eye(12, dtype=int), list("abcdefghijkl"), "title")
    large = confusion_matrix_chart(np.eye(13, dtype=int), list("abcdefghijklm"), "title")
    assert small.svg.count(">100</text>") == 12 and large.svg.count(">100</text>") == 0
    assert len(tooltips(large)) == 13


def test_dots_are_one_a_seed_with_a_mean_each():
    rows = [DotRow("one", [90.0, 92.0], "#0b6fb0"), DotRow("two", [90.0], "#c8501e")]
    chart = seed_dots(rows, "title", "x")
    assert tooltips(chart) == [
        *("one, mean: 91.0", "two, mean: 90.0"),
        *("one: 90.0", "one: 92.0", "two: 90.0"),  # in front
    ]
    assert tooltips(seed_dots([DotRow("one", [100.0], "#0b6fb0")], "title", "x"))[1:] == [
        "one: 100.0"
    ]


def test_bars_are_as_long_as_their_value_and_marks_name_their_model():
    rows = [BarRow("all", 100.0), BarRow("half", 50.0, 2.0, [Mark("other", 75.0, "#0b6fb0")])]
    chart = bar_rows(rows, "#2f3e5c", "t")
    assert tooltips(chart) == ["all: 100.0 %", "half: 50.0 ± 2.0 %", "half, other: 75.0 %"]
    bars = re.findall(r'd="M ([\d.]+) \S+ L ([\d.]+) [^"]*"[^>]*fill: var\(--navy\)', chart.svg)
    widths = [float(end) - float(start) for start, end in bars]
    assert widths[0] == pytest.approx(2 * widths[1], abs=0.05)
    assert coloured(chart, "skeleton_teacher") == 1


def test_amounts_are_written_beside_their_bars():
    chart = amount_bars([("flash", 39024.0, "#2f3e5c"), ("arena", 0.0, "#c8501e")], "title")
    assert tooltips(chart) == ["flash: 39,024 bytes", "arena: 0 bytes"]
    assert ">39,024 bytes</text>" in chart.svg


def test_candidates_are_dots_and_rejected_ones_are_hollow():
    dots = [
        CostDot("a", 20.0, 91.0, "#0b6fb0", tag="exported"),
        CostDot("b", 15.0, 90.0, "#c8501e"),
    ]
    chart = cost_chart(dots, "title", "flash")
    assert tooltips(chart) == ["a", "b"] and chart.svg.count(">exported</text>") == 1
    assert len(re.findall(r"<use[^>]*fill: var\(--orange\)", chart.svg)) == 1
    hollow = CostDot("b", 15.0, 90.0, "#c8501e", is_filled=False)
    svg = cost_chart([hollow], "title", "flash").svg
    assert "fill: var(--orange)" not in svg and "stroke: var(--orange)" in svg


def test_empty_bins_of_a_reliability_diagram_are_left_out():
    counts = np.array([0.0] * 8 + [1, 3])
    chart = reliability_diagram(
        np.linspace(0.05, 0.95, 10), np.full(10, 0.5), counts, "#2f3e5c", "t"
    )
    assert tooltips(chart) == [
        "confidence 85 %, accuracy 50 %, 1 predictions",
        "confidence 95 %, accuracy 50 %, 3 predictions",
        "1 predictions",
        "3 predictions",
    ]


def test_training_curves_draw_each_training_and_their_mean():
    history = pd.DataFrame({"loss": [2.0, 1.0], "accuracy": [0.1, 0.9]})
    other = pd.DataFrame({"loss": [4.0, 2.0], "accuracy": [0.3, 0.7]})
    one = training_curves([history], colour_of("baseline"), "title")
    two = training_curves([history, other], colour_of("baseline"), "title")
    assert (coloured(one, "baseline"), coloured(two, "baseline")) == (2, 6)
    assert two.values.rows == [["1", "3.000", "20.0"], ["2", "1.500", "80.0"]]
    long = pd.DataFrame({"loss": np.arange(400.0), "accuracy": np.ones(400)})
    listed = training_curves([long], colour_of("baseline"), "title").values.rows
    assert len(listed) == 12 and (listed[0][0], listed[-1][0]) == ("1", "400")


SHARES = {"a": np.array([1.0, 0.25]), "b": np.array([0.0, 0.75])}
TWO_COLOURS = {"a": "#0b6fb0", "b": "#c8501e"}


def test_selection_by_class_fills_each_row_and_draws_no_share_of_zero():
    chart = selection_by_class(["x", "y"], SHARES, TWO_COLOURS, "title")
    assert tooltips(chart) == ["x, a: 100 %", "y, a: 25 %", "y, b: 75 %"]
    assert chart.svg.count("fill: var(--blue)") == 2 and chart.svg.count("fill: var(--orange)") == 1


def test_selection_by_epoch_stacks_an_area_for_each_target():
    chart = selection_by_epoch(SHARES, TWO_COLOURS, "title")
    assert tooltips(chart) == ["a: 62 % on average", "b: 38 % on average"]
    assert chart.values.header == ["Epoch", "a %", "b %"]
    assert chart.values.rows == [["1", "100.0", "0.0"], ["2", "25.0", "75.0"]]
    single = {name: values[:1] for name, values in SHARES.items()}
    assert len(tooltips(selection_by_epoch(single, TWO_COLOURS, "title"))) == 2


def test_an_embedding_map_marks_each_clip_and_each_class():
    places = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    chart = embedding_chart(places, np.array([0, 0, 2]), ["a_b", "b", "c"], "title")
    root = ElementTree.fromstring(chart.svg)
    groups = [one for one in root.iter("g") if "data-class" in one.attrib]
    assert [one.get("data-class") for one in groups] == ["0", "2", "0", "2"]
    assert [len(list(one.iter("use"))) for one in groups] == [2, 1, 0, 0]
    assert [text.text for one in groups for text in one.iter("text")] == ["1", "3"]
    assert tooltips(chart) == ["a b", "c", "a b", "c"]
    # All clips in one place, as of a net whose embeddings are equal.
    embedding_chart(np.zeros((3, 2)), np.array([0, 0, 2]), ["a", "b", "c"], "title")


@pytest.mark.parametrize(("up_axis", "dimensions"), [(1, 3), (2, 3), (1, 2)])
def test_a_clip_shows_six_bodies_or_says_that_there_is_none(up_axis, dimensions):
    generator = np.random.default_rng(0)
    skeleton = generator.normal(size=(20, 3, 3))
    acceleration = generator.normal(size=(50, 3))
    body = Body(["root", "left_hand", "right_hand"], [-1, 0, 1], up_axis, dimensions)
    drawn = clip_chart(acceleration, 50.0, skeleton, body, "title")
    assert drawn.svg.count("stroke-linecap: round") == 6 * 2  # two bones
    assert [row[0] for row in drawn.values.rows] == ["0.00", "0.20", "0.40", "0.58", "0.78", "0.98"]
    assert drawn.values.rows[0][1:] == [f"{value:.2f}" for value in acceleration[0]]
    without = clip_chart(acceleration, 50.0, None, body, "title")
    assert "no skeleton recorded" in without.svg and "linecap: round" not in without.svg


def test_a_body_is_turned_to_the_reader_and_by_thirty_degrees():
    """Shoulders along x, depth along z: across is x cos 30° + z sin 30°."""
    skeleton = np.array([[[-1.0, 5.0, 0.5], [1.0, 6.0, 0.0]]])
    plane = body_plane(skeleton, Body(["left", "right"], [-1, 0], 1, 3))
    np.testing.assert_allclose(plane[0], [[-0.866 + 0.25, 5.0], [0.866, 6.0]])
    turned = body_plane(skeleton[..., [2, 1, 0]], Body(["left", "right"], [-1, 0], 1, 3))
    np.testing.assert_allclose(turned, plane)
