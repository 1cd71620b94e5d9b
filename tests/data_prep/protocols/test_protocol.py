"""Splits are disjoint, complete and name only known subjects."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.errors import UserError
from data_prep.loaders.synthetic import SyntheticLoader
from data_prep.protocols import Split, clip_indices, cross_subject, leave_one_subject_out

MANIFEST = pd.DataFrame({"subject": ["1", "2", "1", "3", "2"]})


def test_cross_subject_takes_odd_for_training():
    description = SyntheticLoader(num_subjects=5, num_trials=1).discover().description
    assert cross_subject(description) == Split(("1", "3", "5"), ("2", "4"))


def test_cross_subject_needs_both_parts():
    description = SyntheticLoader(num_subjects=1, num_trials=1).discover().description
    with pytest.raises(UserError, match="The test part needs at least one subject"):
        cross_subject(description)


def test_cross_subject_must_be_declared():
    description = SyntheticLoader().discover().description
    description.protocols.clear()
    with pytest.raises(UserError, match="must declare a cross_subject protocol"):
        cross_subject(description)


def test_cross_subject_with_an_unknown_subject():
    description = SyntheticLoader(num_subjects=2).discover().description
    description.protocols["cross_subject"]["test_subjects"].append("9")
    with pytest.raises(UserError, match=r"A subject must be one of 1, 2\. Received: 9"):
        cross_subject(description)


@given(st.lists(st.text("abc123", min_size=1, max_size=3), min_size=2, max_size=9, unique=True))
def test_leave_one_subject_out_tests_each_once(subjects: list[str]):
    splits = leave_one_subject_out(subjects)
    assert [split.test_subjects for split in splits] == [(subject,) for subject in subjects]
    for split in splits:
        assert not set(split.train_subjects) & set(split.test_subjects)
        assert sorted(split.train_subjects + split.test_subjects) == sorted(subjects)


@pytest.mark.parametrize("subjects", [[], ["1"], ["1", "1"]])
def test_leave_one_subject_out_refuses(subjects: list[str]):
    with pytest.raises(UserError):
        leave_one_subject_out(subjects)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (("1", "2"), ("2", "3"), "No subject may both train and test. Received: 2"),
        ((), ("1",), "The train part needs at least one subject"),
        (("1",), (), "The test part needs at least one subject"),
        (("1", "1"), ("2",), "The train part must name a subject once. Received: 1, 1"),
    ],
)
def test_bad_split(train, test, message: str):
    with pytest.raises(UserError) as error:
        Split(train, test)
    assert message in str(error.value)


def test_clip_indices():
    assert clip_indices(MANIFEST, ["2", "3"]).tolist() == [1, 3, 4]
    assert clip_indices(MANIFEST, ("1",)).tolist() == [0, 2]


def test_clip_indices_of_an_unknown_subject():
    with pytest.raises(UserError, match=r"A subject must be one of 1, 2, 3\. Received: 4"):
        clip_indices(MANIFEST, ["1", "4"])


def test_clip_indices_of_nobody():
    with pytest.raises(UserError, match="at least one subject"):
        clip_indices(MANIFEST, [])
