"""Charts: places by closed forms, and as many marks as there are values."""

import numpy as np
import pandas as pd
import pytest

from pskd_tf.reporting.charts import (
    BarRow,
    DotRow,
    PlotArea,
    bar_rows,
    blend,
    clip_chart,
    confusion_chart,
    history_chart,
    map_chart,
    nice_ticks,
    reliability_chart,
    seed_dots,
    share_areas,
    share_rows,
)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 100, [0, 20, 40, 60, 80, 100]),
        (90.2, 98.4, [92, 94, 96, 98]),
        (-0.3, 0.3, [-0.2, 0, 0.2]),
        (0, 0.07, [0, 0.02, 0.04, 0.06]),
    ],
)
def test_ticks_are_round_and_inside(low, high, expected):
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_an_area_maps_its_corners_and_lives_with_an_empty_range():
    area = PlotArea(10, 20, 100, 50, (0, 1), (-1, 1))
    assert (area.x(0), area.x(1), area.y(-1), area.y(1)) == (10, 110, 70, 20)
    assert PlotArea(10, 20, 100, 50, (3, 3), (0, 1)).x(3) == 10


def test_a_confusion_matrix_draws_each_cell_that_is_not_zero():
    counts = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])
    markup = confusion_chart(counts, ["a_b", "c", "d"], "title")
    assert markup.count("<rect") == 1 + 3  # the plate and three cells
    assert "<title>a b taken for c: 25 %</title>" in markup


def test_dots_are_one_a_seed_and_lie_in_the_drawing():
    markup = seed_dots(
        [DotRow("one", [90.0, 92.0], "#000000"), DotRow("two", [90.0], "#111111")], "title", "x"
    )
    assert markup.count("<circle") == 3
    assert markup.count('stroke-width="2"') == 2  # a mean each
    single = seed_dots([DotRow("one", [100.0], "#000000")], "title", "x")
    assert single.count("<circle") == 1


def test_bars_are_as_long_as_their_value():
    markup = bar_rows(
        [BarRow("all", 100.0), BarRow("half", 50.0, 2.0, {"#123456": 75.0})], "#000000", "t"
    )
    assert 'width="216"' in markup and 'width="108"' in markup
    assert markup.count('stroke="#123456"') == 1


def test_shares_fill_the_row():
    names, colours = ["x", "y"], {"a": "#000000", "b": "#ffffff"}
    shares = {"a": np.array([1.0, 0.25]), "b": np.array([0.0, 0.75])}
    markup = share_rows(names, shares, colours, "title")
    assert markup.count("<rect") == 3  # nothing is drawn for a share of zero
    assert share_areas(shares, colours, "title").count("<path") == 2


def test_a_history_draws_each_training_and_their_mean():
    history = pd.DataFrame({"loss": [2.0, 1.0], "accuracy": [0.1, 0.9]})
    assert history_chart([history], "#000000", "title").count("<path") == 2
    assert history_chart([history, history], "#000000", "title").count("<path") == 6


def test_empty_bins_of_a_reliability_diagram_are_left_out():
    zeros = np.zeros(10)
    counts = np.array([0.0] * 8 + [1, 3])
    markup = reliability_chart(zeros, zeros, counts, "#000000", "title")
    assert markup.count("<circle") == 2 and markup.count("<rect") == 2


def test_a_map_marks_each_clip_and_each_class():
    places = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])
    markup = map_chart(places, np.array([0, 0, 2]), ["a", "b", "c"], "title")
    assert markup.count("<circle") == 3
    assert markup.count('data-class="0"') == 3 and markup.count('data-class="2"') == 2


@pytest.mark.parametrize(("up_axis", "dimensions"), [(1, 3), (2, 3), (1, 2)])
def test_a_clip_shows_six_bodies_or_says_that_there_is_none(up_axis, dimensions):
    generator = np.random.default_rng(0)
    skeleton = generator.normal(size=(20, 3, 3))
    acceleration = generator.normal(size=(50, 3))
    parents = [-1, 0, 1]
    names = ["root", "left_hand", "right_hand"]
    drawn = clip_chart(acceleration, 50.0, skeleton, names, parents, up_axis, dimensions, "title")
    assert drawn.count('class="bones"') == 6
    without = clip_chart(acceleration, 50.0, None, names, parents, up_axis, dimensions, "title")
    assert "no skeleton recorded" in without and "bones" not in without


def test_blending_ends_at_white_and_at_the_colour():
    assert (blend("#102030", 0.0), blend("#102030", 1.0)) == ("#ffffff", "#102030")
