"""Texts survive a CSV file, and no spreadsheet takes one of them for a formula."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from data_prep.csv_cells import CsvWriter, cell_text, safe_cell, safe_table, write_table

# The first is what is written for the second.
CELLS = [
    ("'=1+1", "=1+1"),
    ("'+1", "+1"),
    ("'-1", "-1"),
    ("'@x", "@x"),
    ("'＝1", "＝1"),
    ("''=1", "'=1"),
    ("'\t'=1", "\t=1"),
    ("'\r'=1", "\r=1"),
    ("a;'=1", "a;=1"),
    ("a\t'+1", "a\t+1"),
    ("'tis", "'tis"),
    ("a=1", "a=1"),
    ("sit-to-stand", "sit-to-stand"),
    ("", ""),
]


@pytest.mark.parametrize(("cell", "text"), CELLS)
def test_formulas_get_an_apostrophe_and_lose_it_again(cell, text):
    assert safe_cell(text) == cell
    assert cell_text(cell) == text


def test_numbers_and_cells_of_other_writers_stay():
    assert safe_cell(-1) == -1 and safe_cell(-0.5) == -0.5 and safe_cell(None) is None
    assert cell_text("-1") == "-1" and cell_text("=1+1") == "=1+1"


TEXTS = st.text(st.sampled_from("'=+-@＝;,\t\r\n\"a "), max_size=8)


@given(st.lists(TEXTS, min_size=2, max_size=2), st.sampled_from(",;"))
def test_any_text_survives_and_none_is_a_formula_wherever_the_file_is_split(texts, separator):
    stream = io.StringIO(newline="")
    writer = CsvWriter(stream, ["a", "b"], separator)
    writer.write_row(texts)
    _, cells = csv.reader(io.StringIO(stream.getvalue(), newline=""), delimiter=separator)
    assert [cell_text(cell) for cell in cells] == texts
    for split in (";", "\t", "\r", "\n"):
        parts = [part for cell in cells for part in cell.split(split)]
        assert not any(part.startswith(tuple("=+-@＝\t\r\n")) for part in parts if part != split)


def test_a_table_keeps_its_figures_and_has_safe_names():
    table = pd.DataFrame(
        {"=n": ["@x", None, "b"], "share": np.float32([0.1, -0.2, np.nan]), "count": [-1, 2, 3]},
        index=["-a", "b", "c"],
    )
    written = safe_table(table).to_csv(lineterminator="\n")
    assert written == ",'=n,share,count\n'-a,'@x,0.1,-1\nb,,-0.2,2\nc,b,,3\n"
    assert list(table.columns) == ["=n", "share", "count"]


def test_a_table_is_written_with_its_index_or_without(tmp_path):
    table = pd.DataFrame({"=n": ["@x"], "share": [1 / 3]}, index=["-a"])
    path = tmp_path / "made" / "table.csv"
    write_table(path, table, float_format="%.3g")
    assert path.read_bytes() == b"'=n,share\n'@x,0.333\n"
    write_table(path, table, index_label="name", float_format="%.3g")
    assert path.read_bytes() == b"name,'=n,share\n'-a,'@x,0.333\n"


def test_rows_of_another_file_stay_as_they_were():
    stream = io.StringIO(newline="")
    writer = CsvWriter(stream, ["offset"], ";")
    writer.write_row_as_read(["-0.5"])
    assert stream.getvalue() == "offset\n-0.5\n"
