"""C literals: exact floats, safe strings, tidy rows."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from pskd_tf.export.c_literals import c_float, c_rows, c_string


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_floats_read_back_to_the_same_bits(value):
    literal = c_float(value)
    assert literal.endswith("f") and set(literal) & set(".e")
    assert np.float32(literal[:-1]).tobytes() == np.float32(value).tobytes()


def test_whole_numbers_get_a_point():
    assert c_float(1) == "1.0f"
    assert c_float(1e-5) == "9.99999975e-06f"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e39])
def test_floats_that_are_not_finite_are_refused(value):
    with pytest.raises(ValueError, match="must be finite"):
        c_float(value)


def test_strings_are_escaped_byte_by_byte():
    assert c_string("wave") == '"wave"'
    assert c_string('"\\?ä1\n') == '"\\042\\134\\077\\303\\2441\\012"'
    with pytest.raises(ValueError, match="null"):
        c_string("a\0")


def test_rows_keep_every_item_within_the_width():
    items = [str(i) for i in range(50)]
    rows = c_rows(items, width=30)
    assert [item.strip() for item in rows.split(",") if item.strip()] == items
    assert max(len(line) for line in rows.splitlines()) <= 30
