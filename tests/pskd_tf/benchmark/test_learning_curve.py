"""Learning curves from boards of several amounts of labels."""

import dataclasses

import pandas as pd
import pytest

from pskd_tf.benchmark.board import BoardRow
from pskd_tf.benchmark.learning_curve import (
    amount_needed,
    curve_markdown,
    curve_points,
    curve_sentences,
    settings_of_amount,
    write_curve,
)
from pskd_tf.benchmark.statistics import Difference, Spread
from pskd_tf.label_settings import LabelSettings
from pskd_tf.settings import RunSettings
from pskd_tf.virtual_settings import VirtualSettings


def row(title, mean, *, protocol="cross_subject", minus=None):
    differences = {protocol: {"cross_entropy": Difference(minus, 0.0, 0.1)}} if minus else {}
    spreads = {
        protocol: {"accuracy": Spread(mean, 0.02, 8)},
        "validation": {"accuracy": Spread(mean - 0.1, 0.01, 3)},
    }
    return BoardRow(title, 0, spreads, differences)


BOARDS = {
    1: [row("plain", 0.70), row("taught", 0.84, minus=0.14)],
    2: [row("plain", 0.80), row("taught", 0.87, minus=0.07)],
    4: [row("plain", 0.90)],
}
POINTS = curve_points(BOARDS, ["plain", "taught"])


def test_points_are_of_test_subjects_where_every_board_has_them():
    assert [(one.title, one.amount, one.accuracy.mean) for one in POINTS] == [
        ("plain", 1, 0.70), ("plain", 2, 0.80), ("plain", 4, 0.90),
        ("taught", 1, 0.84), ("taught", 2, 0.87),
    ]  # fmt: skip
    assert {one.protocol for one in POINTS} == {"cross_subject"}
    partly = BOARDS | {8: [row("plain", 0.95, protocol="validation")]}
    points = curve_points(partly, ["plain"])
    assert {one.protocol for one in points} == {"validation"}
    assert [one.accuracy.mean for one in points] == pytest.approx([0.60, 0.70, 0.80, 0.85])


def test_a_method_with_one_amount_is_no_curve_unless_all_have_one():
    boards = BOARDS | {1: [*BOARDS[1], row("rival", 0.75)]}
    assert curve_points(boards, ["plain", "taught", "rival"]) == POINTS
    single = curve_points({1: boards[1]}, ["plain", "rival"])
    assert [one.title for one in single] == ["plain", "rival"]


def test_the_amount_that_reaches_an_accuracy_lies_on_the_line_between_points():
    plain = POINTS[:3]
    assert amount_needed(plain, 0.85) == pytest.approx(3.0)
    assert amount_needed(plain, 0.60) == 1.0
    assert amount_needed(plain, 0.91) is None


def test_sentences_name_the_gain_and_the_labels_that_a_method_replaces():
    assert curve_sentences(POINTS, "labelled_subjects") == [
        "plain: from 1 to 2 labelled people, +10.0 points.",
        "plain: from 2 to 4 labelled people, +10.0 points.",
        "taught: from 1 to 2 labelled people, +3.0 points.",
        "taught scores 84.0 % with 1 labelled people; plain reaches that with 2.8.",
    ]


def test_the_table_has_a_row_a_method_and_a_column_an_amount():
    assert curve_markdown(POINTS, "labels_per_class").splitlines() == [
        "| labelled clips of each class | 1 | 2 | 4 |",
        "| --- | ---: | ---: | ---: |",
        "| plain | 70.0 +- 2.0 (8) | 80.0 +- 2.0 (8) | 90.0 +- 2.0 (8) |",
        "| taught | 84.0 +- 2.0 (8) | 87.0 +- 2.0 (8) |  |",
    ]


def test_the_files_hold_every_point(tmp_path):
    text = write_curve(tmp_path, POINTS, "labelled_subjects")
    assert (tmp_path / "learning_curve.md").read_text(encoding="utf-8") == text
    table = pd.read_csv(tmp_path / "learning_curve.csv")
    assert list(table["amount"]) == [1, 2, 4, 1, 2]
    assert table["minus_cross_entropy"].fillna(0).tolist() == [0, 0, 0, 0.14, 0.07]
    assert (tmp_path / "learning_curve.png").read_bytes()[:4] == b"\x89PNG"


def test_an_amount_changes_nothing_else_of_the_recipe():
    settings = RunSettings(labels=LabelSettings(unlabelled_target="acs"))
    changed = settings_of_amount(settings, "labels_per_class", 3)
    assert changed.labels == LabelSettings(unlabelled_target="acs", labels_per_class=3)
    assert dataclasses.replace(changed, labels=settings.labels) == settings
    worn = settings_of_amount(settings, "watch_subjects", 2)
    assert worn.virtual == VirtualSettings(watch_subjects=2)
    assert dataclasses.replace(worn, virtual=settings.virtual) == settings
