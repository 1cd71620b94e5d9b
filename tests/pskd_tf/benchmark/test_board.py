"""The leaderboard of hand-made cells."""

import numpy as np
import pandas as pd
import pytest

from pskd_tf.benchmark.board import (
    board_rows,
    leaderboard_markdown,
    leaderboard_plot,
    leaderboard_table,
)
from pskd_tf.benchmark.results import CellRecord, guesses_text
from pskd_tf.benchmark.statistics import majority_vote, nested_bootstrap
from pskd_tf.method import Method

PLAIN = Method("cross_entropy", "cross-entropy", "cross_entropy", ({},))
KD = Method(
    "knowledge_distillation",
    "KD",
    "knowledge_distillation",
    ({}, {}),
    teachers=("skeleton_teacher",),
    teacher_outputs="live",
)


def part(names: str, subject: str) -> pd.DataFrame:
    clips = pd.DataFrame({"clip_id": list(names), "subject": subject, "label": 0, "on_wrist": True})
    clips.loc[0, "on_wrist"] = False
    return clips.set_index("clip_id")


PARTS = {
    ("validation", "1"): part("abcd", "1"),
    ("validation", "3"): part("efgh", "3"),
    ("cross_subject", "2"): part("ijkl", "2"),
}


def record(method, trial, protocol, held_out, teacher_seed, student_seed, right) -> CellRecord:
    guesses = np.array([0] * right + [1] * (4 - right))
    name = f"{method.name}{trial}{protocol}{held_out}{teacher_seed}{student_seed}"
    return CellRecord(
        name, "c", method.name, trial, method.teacher_outputs, protocol, held_out, teacher_seed,
        student_seed, 100, 10.0, right / 4, 0.0, 0.0, guesses_text(guesses),
    )  # fmt: skip


RECORDS = [
    record(PLAIN, 0, "validation", "1", -1, 1, 2),
    record(PLAIN, 0, "validation", "3", -1, 1, 4),
    record(PLAIN, 0, "cross_subject", "2", -1, 1, 1),
    record(PLAIN, 0, "cross_subject", "2", -1, 2, 3),
    record(KD, 1, "validation", "1", 1, 1, 4),
    record(KD, 1, "validation", "3", 1, 1, 4),
    record(KD, 0, "validation", "1", 1, 1, 0),
    record(KD, 1, "cross_subject", "2", 1, 1, 3),
    record(KD, 1, "cross_subject", "2", 2, 2, 3),
    record(KD, 1, "validation", "1", 1, 2, 4),  # its other fold is not done
]
PICKED = {"cross_entropy": 0, "knowledge_distillation": 1}


@pytest.fixture(scope="module")
def rows():
    return board_rows([PLAIN, KD], PICKED, RECORDS, PARTS)


def test_validation_sorts_and_marks_its_pick(rows):
    assert [row.title for row in rows] == ["KD", "cross-entropy"]
    assert [row.is_picked for row in rows] == [True, False]


def test_folds_are_pooled_and_seeds_spread(rows):
    kd, plain = rows
    assert plain.spreads["validation"]["accuracy"].mean == 0.75
    accuracy = plain.spreads["cross_subject"]["accuracy"]
    assert (accuracy.mean, accuracy.count) == (0.5, 2)
    assert accuracy.std == pytest.approx(np.sqrt(0.125))
    assert kd.spreads["validation"]["accuracy"].count == 1
    assert plain.spreads["cross_subject"]["wrist_actions_accuracy"].mean == pytest.approx(1 / 3)


def test_differences_pair_student_seeds(rows):
    kd, plain = rows
    difference = kd.differences["cross_subject"]["cross_entropy"]
    assert difference.mean == pytest.approx(0.25)
    assert difference.low <= 0.25 <= difference.high
    assert plain.differences["cross_subject"]["knowledge_distillation"].mean == pytest.approx(-0.25)


def test_all_runs_of_a_method_vote_and_the_lowest_of_equals_wins(rows):
    kd, plain = rows
    # One run is right about 1 clip of 4, the other about 3; where they differ, class 0 wins.
    assert plain.votes == {"validation": 0.75, "cross_subject": 0.75}
    assert kd.votes["cross_subject"] == 0.75
    guesses = np.array([[3, 1, 2], [3, 2, 0], [1, 2, 1]])
    np.testing.assert_array_equal(majority_vote(guesses), [3, 2, 0])


def test_another_trial_than_the_picked_one_never_shows(rows):
    other = board_rows([PLAIN, KD], {**PICKED, "knowledge_distillation": 0}, RECORDS, PARTS)
    assert [row.title for row in other] == ["cross-entropy"]


def test_the_table_counts_the_runs(rows):
    text = leaderboard_markdown(rows)
    assert text.splitlines()[2].startswith("| KD * | 100.0 (1) | 75.0 +- 0.0 (2) | +25.0 [")
    table = leaderboard_table(rows)
    assert list(table["validation_picks_it"]) == [True, False]
    assert list(table["cross_subject_runs"]) == [2, 2]
    assert list(table["cross_subject_vote"]) == [0.75, 0.75]


def test_counts_stay_whole_where_a_method_was_not_tested():
    validated = [one for one in RECORDS if (one.method, one.protocol) != (KD.name, "cross_subject")]
    table = leaderboard_table(board_rows([PLAIN, KD], PICKED, validated, PARTS, replicates=10))
    counts = table.set_index("method")["cross_subject_runs"]
    assert counts["cross-entropy"] == 2 and pd.isna(counts["KD"])
    assert ",2," in table.to_csv() and "2.0" not in table.to_csv()


def test_the_picture_is_drawn(rows, tmp_path):
    leaderboard_plot(tmp_path / "board.png", rows)
    assert (tmp_path / "board.png").read_bytes()[:4] == b"\x89PNG"


def _board(names: dict[str, dict[tuple[int, int], int]]):
    methods = [
        Method(name, name, "knowledge_distillation", ({},), teachers=("skeleton_teacher",),
               teacher_outputs="live") if name != "cross_entropy" else PLAIN
        for name in names
    ]  # fmt: skip
    records = [
        record(method, 0, "cross_subject", "2", teacher, student, right)
        for method in methods
        for (teacher, student), right in names[method.name].items()
    ]
    return board_rows(methods, dict.fromkeys(names, 0), records, PARTS)


def test_teachers_of_one_student_each_are_drawn_with_it():
    """The interval is that of the same values in one row, not of a table with empty places."""
    plain = {(-1, 1): 1, (-1, 2): 2, (-1, 3): 0}
    taught = {(seed, seed): right for seed, right in ((1, 4), (2, 3), (3, 3))}
    _, row = sorted(_board({"cross_entropy": plain, "kd": taught}), key=lambda one: one.title)
    difference = row.differences["cross_subject"]["cross_entropy"]
    values = np.array([(np.arange(4) < taught[s, s]) * 1.0 - (np.arange(4) < plain[-1, s])
                       for s in (1, 2, 3)])[None]  # fmt: skip
    assert (difference.mean, difference.low, difference.high) == nested_bootstrap(
        values, np.array(["2"] * 4)
    )


def test_the_table_subtracts_the_rival_without_a_skeleton_where_it_is_on_the_board():
    runs = {(1, 1): 2, (2, 2): 2}
    names = {"cross_entropy": {(-1, 1): 1, (-1, 2): 1}, "three_own_nets": runs, "mean": runs}
    head = leaderboard_markdown(_board(names)).splitlines()[0]
    assert "| minus cross-entropy | minus three own nets |" in head
    del names["three_own_nets"]
    assert "| minus KD |" in leaderboard_markdown(_board(names)).splitlines()[0]


def test_a_longer_training_is_the_rival_of_equal_compute_in_the_table():
    runs = {"cross_entropy": {(-1, 1): 1}, "cross_entropy_x2": {(-1, 1): 2}, "sam": {(-1, 1): 4}}
    table = leaderboard_table(_board(runs)).set_index("method")
    assert table.loc["sam", "cross_subject_minus_cross_entropy"] == 0.75
    assert table.loc["sam", "cross_subject_minus_cross_entropy_x2"] == 0.5
