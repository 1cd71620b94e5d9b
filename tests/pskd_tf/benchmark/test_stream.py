"""The board in the stream: thresholds from validation, recall and false decisions on test."""

import numpy as np
import pandas as pd
import pytest

from data_prep.errors import UserError
from project import ROOT
from pskd_tf.benchmark.results import held_out_parts
from pskd_tf.benchmark.stream import (
    StreamRecord,
    read_streams,
    scores_text,
    stream_markdown,
    stream_rows,
    stream_table,
    write_streams,
)
from pskd_tf.evaluation.stream import STREAM_KINDS


def records(method, protocol, held_out, seed, **scores):
    kinds = {kind: [] for kind in ("movements", "wrong", *STREAM_KINDS)} | scores
    return [
        StreamRecord(
            *("key", method, 0, protocol, held_out, -1, seed, kind),
            *(0.0 if kind in ("movements", "wrong") else 2.0, 2.0),
            scores_text(np.array(values)),
        )
        for kind, values in kinds.items()
    ]


@pytest.fixture
def board():
    rows = []
    for seed in (1, 2):
        for method, loss in (("cross_entropy", 0.2), ("acs", 0.0)):
            for subject in ("1", "3"):
                rows += records(
                    method,
                    "validation",
                    subject,
                    seed,
                    movements=[0.9, 0.8 - 2 * loss, 0.0, 0.4],
                    tails=[0.5, 0.3],
                    postures=[0.2],
                )
            rows += records(
                method,
                "cross_subject",
                "2|4",
                seed,
                movements=[0.9, 0.8 - 2 * loss, 0.45, 0.7, 0.0],
                tails=[0.6, 0.1],
                wrong=[0.55],
            )
    subjects = {"2|4": np.array(["2", "2", "4", "4", "4"])}
    subjects |= {one: np.array([one] * 4) for one in ("1", "3")}
    return stream_rows(rows, subjects, replicates=50)


def test_the_threshold_is_chosen_on_validation_alone(board):
    quiet = next(one for one in board if (one.method, one.bound) == ("acs", 0.0))
    # No false decision in four hours of tails: just above 0.5, in steps of 1/65535.
    assert quiet.threshold.mean == pytest.approx(0.5, abs=2e-5)
    assert quiet.validation.mean == 0.5
    # On test the same threshold says 3 of 5, and 1 false decision in 2 hours of tails.
    assert quiet.test.mean == pytest.approx(0.6)
    assert quiet.false_an_hour["tails"] == 0.5
    assert quiet.false_an_hour["postures"] == 0.0
    assert quiet.wrong == 1.0


def test_a_larger_bound_lowers_the_threshold(board):
    loose = next(one for one in board if (one.method, one.bound) == ("acs", 1.0))
    # Four false decisions in four hours are allowed: all of them.
    assert loose.threshold.mean == 0.0
    assert loose.validation.mean == pytest.approx(0.75)
    assert loose.test.mean == pytest.approx(0.8)


def test_differences_are_paired_by_seed(board):
    for one in board:
        if one.method == "cross_entropy":
            assert one.difference is None
    quiet = next(one for one in board if (one.method, one.bound) == ("acs", 0.0))
    # One of five movements more: 0.8 against 0.4.
    assert quiet.difference.mean == pytest.approx(0.2)
    assert quiet.difference.low <= 0.2 <= quiet.difference.high
    # Of either left-out subject one of four movements more: 0.5 against 0.25.
    assert quiet.validation_difference.mean == pytest.approx(0.25)


def test_folds_are_paired_by_their_subjects():
    rows = []
    for method, folds in (("cross_entropy", ("1", "3")), ("acs", ("3", "1"))):
        for subject in folds:
            said = [0.9, 0.9] if subject == "1" else [0.1, 0.1]
            rows += records(method, "validation", subject, 1, movements=said, tails=[0.5])
    subjects = {one: np.array([one] * 2) for one in ("1", "3")}
    (row,) = (
        one for one in stream_rows(rows, subjects, 50) if (one.method, one.bound) == ("acs", 0.0)
    )
    named = row.validation_difference
    assert (named.mean, named.low, named.high) == (0.0, 0.0, 0.0)


def test_tables_show_every_row(board):
    text = stream_markdown(board)
    assert text.count("\n") == 2 + len(board) == 8
    assert "| 0 | acs | 50.0 +- 0.0 (2) | +25.0 [" in text
    assert "| 60.0 +- 0.0 (2) | +20.0 [" in text
    table = stream_table(board)
    assert table.loc[table["method"] == "acs", "test_mean"].tolist()[0] == pytest.approx(0.6)


def test_a_file_keeps_its_records_and_refuses_others(tmp_path):
    kept = records("acs", "validation", "1", 1, movements=[0.25, -1.0, 1.0])
    write_streams(tmp_path / "stream.csv", kept)
    assert read_streams(tmp_path / "stream.csv") == kept
    np.testing.assert_allclose(kept[0].values, [0.25, 0, 1], atol=1 / 65535)
    assert kept[0].values[0] <= 0.25
    assert read_streams(tmp_path / "none.csv") == []
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UserError, match=r"must have the columns of docs.*other\.csv"):
        read_streams(tmp_path / "other.csv")


def test_the_committed_board_follows_from_the_committed_scores():
    folder = ROOT / "benchmarks" / "results" / "utd_mhad_stream"
    records = read_streams(folder / "stream.csv")
    parts = held_out_parts(folder)
    subjects = {held_out: part["subject"].to_numpy(str) for (_, held_out), part in parts.items()}
    rows = stream_rows(records, subjects)
    committed = pd.read_csv(folder / "stream_board.csv")
    columns = ["bound", "method", "validation_mean", "test_mean", "test_runs", "tails_an_hour"]
    pd.testing.assert_frame_equal(stream_table(rows)[columns], committed[columns])
    assert (folder / "stream_board.md").read_text() == stream_markdown(rows)
