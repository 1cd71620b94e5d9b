"""The results file: what goes in comes out, each cell once."""

import dataclasses

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.benchmark.cells import CellRecord, ResultsFile, guesses_text


def record(cell: str, **changes) -> CellRecord:
    guesses = guesses_text(np.array([0, 10, 255]))
    whole = CellRecord(
        cell, "c0", "kd", 1, "live", "validation", "3|5", 1, 2, 26595, 35.2, 0.5, 0.4, 0.3, guesses
    )
    return dataclasses.replace(whole, **changes)


def test_a_record_survives_the_file(tmp_path):
    results = ResultsFile(tmp_path / "cells.csv")
    results.add(record("a"))
    results.add(record("b", teacher_outputs="", teacher_seed=-1))
    again = ResultsFile(tmp_path / "cells.csv")
    assert again.records == results.records
    np.testing.assert_array_equal(again.records["a"].predicted, [0, 10, 255])


def test_a_cell_is_added_once(tmp_path):
    results = ResultsFile(tmp_path / "cells.csv")
    results.add(record("a"))
    before = results.path.read_bytes()
    results.add(record("a", accuracy=0.9))
    assert results.path.read_bytes() == before


def test_a_cell_twice_in_the_file_is_refused(tmp_path):
    results = ResultsFile(tmp_path / "cells.csv")
    results.add(record("a"))
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
