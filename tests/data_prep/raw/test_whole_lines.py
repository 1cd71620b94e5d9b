"""Lines of a text file; a last one without its line break is not trusted."""

import pytest

from data_prep.formats.tables import whole_lines


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
