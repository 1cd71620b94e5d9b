"""Text files of numbers: what is read and what is refused."""

import pytest

from data_prep.errors import UserError
from data_prep.formats.tables import read_number_table


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
