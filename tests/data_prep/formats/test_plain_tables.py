"""The fast way through plain tables gives what the careful one gives, or leaves the file to it."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from data_prep.formats.plain_tables import PlainTable, read_plain_table
from data_prep.formats.text_tables import read_text_table


def plain(text: str, skip_rows: int = 0) -> PlainTable:
    table = read_plain_table(text.encode(), "x.csv", skip_rows)
    assert table is not None
    return table


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_numbers_below_a_header(separator: str, end: str):
    text = end.join(['t,"x",y', "0,1.5,-2e-3", "1,.25,7", ""]).replace(",", separator)
    table = plain(text)
    assert table.header == ["t", "x", "y"]
    np.testing.assert_array_equal(table.numbers([1, 2]), [[1.5, -0.002], [0.25, 7]])
    np.testing.assert_array_equal(table.whole_numbers(0), [0, 1])
    assert table.whole_numbers(1) is None


def test_lines_above_the_table_a_row_of_units_and_a_cut_last_line():
    table = plain("boot\n# comment\nt;x\ns;g\n1;2,5\n2;3,5\n3;4", skip_rows=1)
    np.testing.assert_array_equal(table.numbers([0, 1]), [[1, 2.5], [2, 3.5]])
    assert table.first_row == ["1", "2.5"]
    assert table.is_cut


def test_nanoseconds_since_1970_stay_whole():
    table = plain("1659657598500000001,0.5\n1659657598520000001,0.6\n")
    np.testing.assert_array_equal(np.diff(table.whole_numbers(0)), [20_000_000])


def test_a_column_of_text_is_no_number():
    table = plain("t,label,x\n1,wave,0.5\n2,clap,0.6\n")
    assert table.are_numbers([0, 2])
    assert not table.are_numbers([1])


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1,2\n3\n",  # too short
        "x,y\n1,2\n3,4,5\n",  # too long
        "x,y\n1,2\n\n3,4,\n",
        'x,y\n"1",2\n',  # quoted
        "1 2\n3 4\n",  # white space
        "x;y\n1,5;2,5\n1.5;2,5\n",  # points and commas
        "x;y\n1.5;2\n1.5;2,5\n",
        "x,y\r1,2\r3,4\r",
        "",
        "x,y",
        "x,y\n",
        "1,2,\n3,4,\n",  # a separator at the end of each line
    ],
)
def test_what_needs_care_is_left_to_the_other_reader(text: str):
    assert read_plain_table(text.encode(), "x.csv") is None


def test_a_later_cell_that_is_no_number_is_not_plain():
    text = "x,y\n" + "1.5,2\n" * 30_000
    assert plain(text).are_numbers([0, 1])
    for cell in ("", "1.5.2", "1_000", "NaN", "None", "1,5", " "):
        table = read_plain_table((text + f"1,{cell}\n").encode(), "x.csv")
        assert table is None or not table.are_numbers([1])


NUMBERS = st.floats(allow_nan=False, allow_infinity=False, width=64)


@given(
    st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=6),
    st.sampled_from(["{!r}", "{:.3f}", "{:e}", "{:+.17g}"]),
    st.sampled_from([",", ";", "\t"]),
    st.booleans(),
)
def test_both_readers_give_the_same_bits(rows, form: str, separator: str, has_commas: bool):
    text = "".join(separator.join(map(form.format, row)) + "\n" for row in rows)
    if has_commas and separator != ",":
        text = text.replace(".", ",")
    content = f"x{separator}y{separator}z\n{text}".encode()
    table = read_plain_table(content, "x.csv")
    if table is not None and table.are_numbers([0, 1, 2]):
        careful = read_text_table(content, "x.csv").numbers([0, 1, 2])
        np.testing.assert_array_equal(table.numbers([0, 1, 2]), careful)
