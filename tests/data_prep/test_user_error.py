"""The one line a user sees."""

import pytest

from data_prep.user_error import UserError


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("A clip needs at least 2 samples",), "A clip needs at least 2 samples."),
        (("A rule.", 3), "A rule. Received: 3"),
        (("A rule", 0, "a.mat"), "A rule. Received: 0 (file: a.mat)"),
        (("A rule", "two\nlines", "a.mat"), "A rule. Received: two lines (file: a.mat)"),
        (("A rule", None, "a.mat"), "A rule. (file: a.mat)"),
    ],
)
def test_message(arguments: tuple, expected: str):
    """Rule, received value and file stand on one line, in this order."""
    assert str(UserError(*arguments)) == expected


def test_is_a_value_error():
    """Callers that know only ValueError catch it."""
    assert isinstance(UserError("A rule"), ValueError)
