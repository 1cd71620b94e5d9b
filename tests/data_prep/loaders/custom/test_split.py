"""Which subjects of own recordings test, and natural order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.loaders.custom.loader import natural_order, split_subjects
from data_prep.loaders.custom.manifest import CustomClip


def clips(*subjects: str) -> list[CustomClip]:
    return [CustomClip("row", s, s, "a", "1", "a.csv", (), "g") for s in subjects]


@pytest.mark.parametrize(("count", "tests"), [(2, 1), (3, 1), (5, 1), (6, 2), (10, 3)])
def test_last_third_tests(count: int, tests: int):
    names = [f"s{number}" for number in range(1, count + 1)]
    train, test, note = split_subjects(clips(*reversed(names)), "m.csv")
    assert train + test == names
    assert len(test) == tests
    assert note == f"split (ours): the last {tests} of {count} subjects test"


def test_natural_order():
    names = ["s10", "s2", "S1", "s1", "10", "9", "a", "s01", "1a", "a1b2", "a1b10", ""]
    ordered = ["", "1a", "9", "10", "S1", "a", "a1b2", "a1b10", "s01", "s1", "s2", "s10"]
    assert natural_order(names) == ordered


@given(st.lists(st.text(max_size=6)))
def test_natural_order_keeps_all_and_is_stable(names: list[str]):
    ordered = natural_order(names)
    assert sorted(ordered) == sorted(names)
    assert natural_order(reversed(ordered)) == ordered
