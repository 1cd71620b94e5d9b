"""The committed tables: a cell survives its file, and what is damaged is refused in one line."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, strategies as st

from damage import FILE_DAMAGE
from data_prep.errors import UserError
from project import ROOT
from pskd_tf.benchmark.results import (
    CellRecord,
    ResultsFile,
    TestLedger,
    guesses_text,
    held_out_parts,
)


def results_record(cell: str, **changes) -> CellRecord:
    guesses = guesses_text(np.array([0, 10, 255]))
    whole = CellRecord(
        cell, "c0", "kd", 1, "live", "validation", "3|5", 1, 2, 26595, 35.2, 0.5, 0.4, 0.3, guesses
    )
    return dataclasses.replace(whole, **changes)


def test_a_record_survives_the_file(tmp_path):
    results = ResultsFile(tmp_path / "cells.csv")
    results.add(results_record("a"))
    results.add(results_record("b", teacher_outputs="", teacher_seed=-1))
    again = ResultsFile(tmp_path / "cells.csv")
    assert again.records == results.records
    np.testing.assert_array_equal(again.records["a"].predicted, [0, 10, 255])


def test_a_cell_is_added_once(tmp_path):
    results = ResultsFile(tmp_path / "cells.csv")
    results.add(results_record("a"))
    before = results.path.read_bytes()
    results.add(results_record("a", accuracy=0.9))
    assert results.path.read_bytes() == before


def test_a_cell_twice_in_the_file_is_refused(tmp_path):
    results = ResultsFile(tmp_path / "cells.csv")
    results.add(results_record("a"))
    lines = results.path.read_text().splitlines()
    results.path.write_text("\n".join([*lines, lines[1]]) + "\n")
    with pytest.raises(UserError, match=r"A cell must be there once. Received: a"):
        ResultsFile(results.path)


def test_other_columns_are_refused(tmp_path):
    (tmp_path / "cells.csv").write_text("cell,accuracy\na,0.5\n")
    with pytest.raises(UserError, match=r"must have the columns of docs/benchmark.md"):
        ResultsFile(tmp_path / "cells.csv")


def test_a_class_that_does_not_fit_is_refused():
    with pytest.raises(UserError, match=r"up to 256 classes. Received: class 256"):
        guesses_text(np.array([3, 256]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accuracy": 1.5}, r"Line 2 must hold a cell\. Received: Scores .* 0\.\.1"),
        ({"macro_f1": float("nan")}, r"Scores of a cell must lie in 0\.\.1"),
        ({"seconds": float("inf")}, r"must not be negative\. Received: inf"),
        ({"trial": -1}, r"must not be negative"),
        ({"guesses": "0a1"}, r"two hexadecimal digits a clip\. Received: 0a1"),
        ({"student_seed": "x"}, r"Line 2 must hold a cell\. Received: invalid literal"),
    ],
)
def test_a_value_that_is_none_of_a_cell_is_refused(tmp_path, changes, message):
    results = ResultsFile(tmp_path / "cells.csv")
    results.add(results_record("a"))
    good = dataclasses.asdict(results_record("a"))
    text = results.path.read_text()
    (name, value) = next(iter(changes.items()))
    results.path.write_text(text.replace(f",{good[name]}", f",{value}"))
    with pytest.raises(UserError, match=message):
        ResultsFile(results.path)


def test_a_ledger_writes_negative_numbers_as_numbers(tmp_path):
    for cell in ("a", "b"):  # the second time the lines of the file are read first
        record = dataclasses.replace(results_record(cell), teacher_seed=-1, method="-x")
        TestLedger(tmp_path / "ledger.csv").add(record)
    lines = (tmp_path / "ledger.csv").read_text().splitlines()
    assert len(lines) == 3
    assert all(",'-x," in line and ",-1," in line for line in lines[1:])


@pytest.mark.parametrize("table", [ResultsFile, TestLedger])
@pytest.mark.parametrize("row", ["a,b", ",".join("a" * 40), '"open', "\0"])
def test_a_line_with_other_fields_is_refused(tmp_path, table, row):
    one = table(tmp_path / "table.csv")
    one.add(results_record("a"))
    one.path.write_text(f"{one.path.read_text()}{row}\n")
    with pytest.raises(UserError, match=r"(Line 3 must have|must have the columns).*table\.csv"):
        table(one.path)


@pytest.mark.parametrize("table", [ResultsFile, TestLedger])
@pytest.mark.parametrize("damage", FILE_DAMAGE)
def test_a_damaged_table_is_refused_in_one_line(tmp_path, table, damage):
    one = table(tmp_path / "table.csv")
    one.add(results_record("a"))
    FILE_DAMAGE[damage](one.path)
    if not one.path.exists():
        assert table(one.path)
        return
    with pytest.raises(UserError) as caught:
        table(one.path)
    assert str(one.path) in str(caught.value) and "\n" not in str(caught.value)


@given(st.binary(max_size=400), st.integers(0, 400))
def test_whatever_a_table_holds_is_read_or_refused(tmp_path_factory, noise, place):
    path = tmp_path_factory.mktemp("tables") / "table.csv"
    for table in (ResultsFile, TestLedger):
        path.unlink(missing_ok=True)
        table(path).add(results_record("a"))
        content = path.read_bytes()
        path.write_bytes(content[:place] + noise + content[place:])
        try:
            table(path)
        except UserError as error:
            assert str(path) in str(error)


def test_a_results_folder_knows_the_clips_of_every_cell():
    """Each cell's accuracy comes out of its guesses and the clips of its fold."""
    folder = ROOT / "benchmarks" / "results" / "utd_mhad"
    parts = held_out_parts(folder)
    records = ResultsFile(folder / "cells.csv").records.values()
    assert {(one.protocol, one.held_out) for one in records} <= set(parts)
    for one in records:
        part = parts[one.protocol, one.held_out]
        assert set(part["subject"]) == set(one.held_out.split("|"))
        right = (part["label"].to_numpy() == one.predicted).mean()
        assert right == pytest.approx(one.accuracy, abs=1e-6)


def test_clips_with_the_names_of_formulas_are_found(tmp_path):
    splits = {"splits": [{"test_subjects": ["=2"], "test_clips": ["=b", "a"]}]}
    (tmp_path / "splits_cross_subject.json").write_text(json.dumps(splits))
    clips = "clip_id,subject,label,on_wrist\na,'=2,3,True\n'=b,'=2,4,False\n"
    (tmp_path / "clips.csv").write_text(clips)
    part = held_out_parts(tmp_path)["cross_subject", "=2"]
    assert part["label"].tolist() == [4, 3] and set(part["subject"]) == {"=2"}
    (tmp_path / "clips.csv").write_text(clips.replace("a,", "c,"))
    with pytest.raises(UserError, match=r"must have clips\.csv and splits_.*'a'"):
        held_out_parts(tmp_path)
    (tmp_path / "clips.csv").unlink()
    with pytest.raises(UserError, match=r"check it out again.*No such file"):
        held_out_parts(tmp_path)
