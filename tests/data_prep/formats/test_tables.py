"""Reading tables of numbers from text."""

import io
import zipfile

import numpy as np
import pytest
import scipy.io
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays

from data_prep.errors import UserError
from data_prep.files import LARGEST_UNPACKED
from data_prep.formats.csv_files import whole_lines
from data_prep.formats.tables import read_columns, read_number_table
from data_prep.formats.text_tables import read_text_table

TABLE = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n4,5,6\n",
        "1,2,3\r\n4,5,6\r\n7,8",  # the last line is cut
        "1;2;3\r4;5;6\r",
        "1\t2\t3\n\n4\t5\t6\n\n",
        "\ufeff# made by a logger\n# 50 Hz\na,b,c\n1,2,3\n4,5,6\n",
        '"a b",b,c\n"1","2","3"\n4, 5 ,6\n',
        "1,0;2,0;3,0\n4,0;5;6e0\n",  # decimal commas
        "a\tb\tc\n1,0\t2,0\t3,0\n4,0\t5,0\t6,0\n",
        "1,0 2,0 3,0\n4,0 5,0 6,0\n",
        '"1,0";"2,0";"3,0"\n4,0;5,0;6,0\n',
        "  1.0   2.0 3.0 \n 4.0 5.0\t6.0\n".replace("\t", "  "),  # white space
        "a b c\n1 2 3\n4 5 6\n",
        "sep=;\na;b;c\n1;2;3\n4;5;6\n",
        "sep=\t\na\tb\tc\nCAL\tCAL\tCAL\nms\tm/s^2\tg\n1\t2\t3\n4\t5\t6\n",
        "% of a program\n; and of another\na,b,c\n1,2,3\n4,5,6\n",
        "1,2,3,\n4,5,6,\n",  # trailing separators
        "a;b;c\n1;2;3;\n4;5;6;\n",
        "a,b,c,\n1,2,3,\n4,5,6,\n",
        "1,2,3;\n4,5,6;\n",
        ",a,b,c\n0,1,2,3\n1,4,5,6\n",  # an index without a name
        "0,1,2\n1,2,3\n4,5,6\n",  # the header pandas writes for a table without names
    ],
)
def test_forms_of_text(text: str):
    np.testing.assert_array_equal(read_columns(text.encode(), ".csv", "x.csv"), TABLE)


def test_header_block_is_skipped_or_its_length_told():
    text = "".join(f"boot {row}\n" for row in range(5)) + "a,b,c\n" + "1,2,3\n4,5,6\n" * 4
    table = read_text_table(text.encode(), "x.csv", skip_rows=5)
    np.testing.assert_array_equal(table.numbers([0, 1, 2])[:2], TABLE)
    assert (table.header, table.lines[0]) == (["a", "b", "c"], 7)
    with pytest.raises(UserError, match=r"seems to begin in line 6: skip 5 rows\)"):
        read_text_table(text.encode(), "x.csv")


def test_cut_last_line_is_left_out_and_told():
    """9.98649E-01 without its last letters is 9.98649."""
    table = read_text_table(b"1.0\t2.0\n9.98649E-01\t1.0\n9.98", "x.tsv")
    np.testing.assert_array_equal(table.numbers([0]), [[1.0], [0.998649]])
    assert table.is_cut
    assert not read_text_table(b"1,2\n3,4\n", "x.csv").is_cut


def test_rows_of_one_sensor():
    table = read_text_table(b"sensor,n,x\nACC,1,0.5\nGYR,1,90\nACC,2.0,0.6\n", "x.csv")
    assert table.where("sensor", "ACC").numbers([2]).tolist() == [[0.5], [0.6]]
    assert table.where("n", "2").lines == [4]
    assert table.where("sensor", "GYR", is_equal=False).lines == [2, 4]
    with pytest.raises(UserError, match=r"must hold MAG in sensor\. Received: ACC, GYR"):
        table.where("sensor", "MAG")


@pytest.mark.parametrize(
    ("wrong", "meant"), [("Ax", "ax"), ("accel_x", "acc_x"), ("temperature", None)]
)
def test_a_mistyped_column(wrong: str, meant: str | None):
    with pytest.raises(UserError) as caught:
        read_columns(b"ax,acc_x,t\n1,2,3\n", ".csv", "x.csv", [wrong])
    expected = (
        f"it has ax, acc_x, t; did you mean {meant}? (file" if meant else "ax, acc_x, t (file"
    )
    assert expected in str(caught.value)


def test_header_and_index_of_pandas():
    values = read_columns(b",0,1,2\n0,1,2,3\n1,4,5,6\n", ".csv", "x.csv", ["1", "2", "3"])
    np.testing.assert_array_equal(values, TABLE)


def test_names_and_indices():
    text = b"a,b,c\n10,20,30\n"
    np.testing.assert_array_equal(
        read_columns(text, ".csv", "x.csv", ["c", "1", "a"]), [[30, 20, 10]]
    )
    with pytest.raises(UserError, match=r"A column must be chosen once\. Received: b, 1"):
        read_columns(text, ".csv", "x.csv", ["b", "1"])


def test_columns_that_are_not_chosen_may_hold_text():
    text = b"time,x,label\n12:00:00,1.5,walk\n12:00:01,2.5,run\n"
    np.testing.assert_array_equal(read_columns(text, ".csv", "x", ["x"]), [[1.5], [2.5]])


def test_empty_fields_are_nan():
    values = read_columns(b"x,y\n1,\nNA,2\nnan,null\n", ".csv", "x.csv")
    np.testing.assert_array_equal(values, [[1, np.nan], [np.nan, 2], [np.nan, np.nan]])


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (b"", "must hold numbers. Received: an empty file"),
        (b"\n\n# only a remark\n", "must hold numbers. Received: an empty file"),
        (b"x,y\n", "must hold numbers. Received: a header alone"),
        (b";\n \n;\n", "must hold numbers. Received: an empty file"),
        (b"1,2\n3\n", "Each row must have 2 fields, as the first one. Received: 1 in line 2"),
        (b"x,y\n1,2\n3,4,5\n", "Received: 3 in line 3"),
        (b"x,y\n1,2\n3,4x\n", "must hold numbers. Received: '4x' in line 3, column 1"),
        (b"1,2\n3,1_0\n", "must hold numbers. Received: '1_0' in line 2"),
        (b"1,2\n3,True\n", "must hold numbers. Received: 'True' in line 2"),
        (b"1.5;2\n0,5;2\n", "decimal points or decimal commas. Received: 1.5 and 0,5"),
        (
            b"t,x\n0,02,0,98\n0,04,0,97\n",
            "Decimal commas need cells separated by semicolons or tabs. Received: 4 numbers for 2",
        ),
        (b"1,2\n\xff,4\n", "must be in UTF-8"),
        (b"x,x\n1,2\n", "A column chosen by name must come once. Received: x (file: x.csv)"),
    ],
)
def test_damaged_text(text: bytes, rule: str):
    columns = ["x"] if text.startswith(b"x,x") else []
    with pytest.raises(UserError) as caught:
        read_columns(text, ".csv", "x.csv", columns)
    assert rule in str(caught.value)


@given(
    arrays(
        np.float64, st.tuples(st.integers(1, 5), st.integers(2, 4)), elements=st.floats(width=64)
    )
)
def test_text_round_trip(values: np.ndarray):
    """Every double comes back to the bit."""
    text = "\n".join(",".join(repr(float(value)) for value in row) for row in values) + "\n"
    np.testing.assert_array_equal(read_columns(text.encode(), ".csv", "x.csv"), values)


def npy(values: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float16, np.float32, ">f8"])
def test_npy_of_any_number_type(dtype):
    values = read_columns(npy(TABLE.astype(dtype)), ".npy", "x.npy", ["2", "0"])
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, TABLE[:, [2, 0]])


def test_npy_of_three_axes_is_flattened():
    values = np.arange(24).reshape(2, 4, 3)
    np.testing.assert_array_equal(read_columns(npy(values), ".npy", "x"), values.reshape(2, 12))


def test_npz_of_one_array_needs_no_key():
    stream = io.BytesIO()
    np.savez_compressed(stream, a=TABLE)
    np.testing.assert_array_equal(read_columns(stream.getvalue(), ".npz", "x"), TABLE)


def test_npz_that_unpacks_to_more_than_the_bound_is_refused():
    """300 MB of zeros in 300 kB; nothing of them is unpacked."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(LARGEST_UNPACKED))
        archive.writestr("b.npy", b"0")
    with pytest.raises(UserError, match=r"268,435,457 bytes when unpacked, .* most 256 MiB"):
        read_columns(content.getvalue(), ".npz", "a.npz", key="b")


def test_mat():
    stream = io.BytesIO()
    scipy.io.savemat(stream, {"a": TABLE})
    np.testing.assert_array_equal(read_columns(stream.getvalue(), ".mat", "x", [], "a"), TABLE)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (npy(TABLE)[:-1], "must be readable by numpy"),
        (b"", "must be readable by numpy"),
        (npy(TABLE).replace(b"(2, 3)", b"(9, 9)"), "must be readable by numpy"),
        (npy(np.array([["a", "b"]])), "must hold real numbers. Received: <U1"),
        (npy(np.array([[1j, 2]])), "must hold real numbers. Received: complex128"),
        (npy(np.ones(3)), r"at least 2 axes. Received: shape \(3,\)"),
        (npy(np.ones((0, 3))), ""),
    ],
)
def test_damaged_npy(content: bytes, rule: str):
    if not rule:
        assert read_columns(content, ".npy", "x.npy").shape == (0, 3)
        return
    with pytest.raises(UserError, match=rule):
        read_columns(content, ".npy", "x.npy")


def test_pickles_are_refused():
    stream = io.BytesIO()
    np.save(stream, np.array([[print]], dtype=object), allow_pickle=True)
    with pytest.raises(UserError, match="allow_pickle=False"):
        read_columns(stream.getvalue(), ".npy", "x.npy")


@pytest.mark.parametrize("content", [b"1 2\n3 -4e1\n", b" 1\t2 \r\n3 -40.0\r\n"])
def test_rows_of_numbers(content: bytes):
    assert read_number_table(content, 2, "a.txt").tolist() == [[1.0, 2.0], [3.0, -40.0]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "A recording must hold samples. Received: an empty file (file: a.txt)"),
        (b" \n\n", "A recording must hold samples. Received: an empty file (file: a.txt)"),
        (
            b"1 2\n3 4",
            "A text file must end with a whole line. Received: a cut one (file: a.txt)",
        ),
        (b"1 2 3\n", "A row must hold 2 numbers. Received: 3 (file: a.txt)"),
        (
            b"1 2\n3 nan\n",
            "A recording must hold finite numbers. Received: others in row 1 (file: a.txt)",
        ),
    ],
)
def test_refusals(content: bytes, message: str):
    with pytest.raises(UserError) as error:
        read_number_table(content, 2, "a.txt")
    assert str(error.value) == message


@pytest.mark.parametrize("content", [b"1 2\n3\n", b"1 x\n", b"1 \x00\n", b"1 2\n\xff\xfe\n"])
def test_what_is_no_table(content: bytes):
    with pytest.raises(UserError, match="A recording must hold rows of numbers"):
        read_number_table(content, 2, "a.txt")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ([], False)),
        (b"a\nb\n", (["a", "b"], False)),
        (b"\xef\xbb\xbfa\r\n\r\nb\r", (["a", "b"], False)),
        (b"a\n-0.12", (["a"], True)),
        (b"a\xff\n", (["a\ufffd"], False)),
    ],
)
def test_lines(content: bytes, expected: tuple[list[str], bool]):
    assert whole_lines(content) == expected
