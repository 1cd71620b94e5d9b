"""The one line of an error."""

import pickle
from pathlib import Path

import pytest

from data_prep.errors import UserError


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


@pytest.mark.parametrize(
    "arguments", [("A rule",), ("A rule.", 3), ("A rule", None, "a.csv"), ("A", (1, 2), Path("b"))]
)
def test_it_crosses_processes(arguments: tuple):
    """Unpickled, it says the same and still tells the reason from the file."""
    error = UserError(*arguments)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert (again.reason, again.path) == (error.reason, error.path)


def test_reason_leaves_the_file_out():
    assert UserError("A rule", 3, "a.csv").reason == "A rule. Received: 3"


def test_what_was_received_is_shortened():
    error = UserError("A rule", "x" * 5000, "a.csv")
    assert str(error) == f"A rule. Received: {'x' * 600}... (file: a.csv)"
