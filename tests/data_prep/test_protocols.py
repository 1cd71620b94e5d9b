"""Evaluation protocols: which clips train and which are held out."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.loaders.synthetic.loader import SyntheticLoader
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import (
    ClipSplit,
    Split,
    clip_indices,
    cross_subject,
    leave_one_subject_out,
    protocol_splits,
    repeated_halves_splits,
    subject_folds,
    subject_halves,
    validation_splits,
)
from data_prep.split_file import kept_splits

MANIFEST = pd.DataFrame({"subject": ["1", "2", "1", "3", "2", "2"], "action": [0, 1, 0, 1, 2, -2]})


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
    """Recordings that show no class, such as the last one, are left out."""
    assert clip_indices(MANIFEST, ["2", "3"]).tolist() == [1, 3, 4]
    assert clip_indices(MANIFEST, ("1",)).tolist() == [0, 2]


def test_clip_indices_of_an_unknown_subject():
    with pytest.raises(UserError, match=r"A subject must be one of 1, 2, 3\. Received: 4"):
        clip_indices(MANIFEST, ["1", "4"])


def test_clip_indices_of_no_subject():
    with pytest.raises(UserError, match="at least one subject"):
        clip_indices(MANIFEST, [])


PROTOCOLS = {
    "cross_subject": {
        "train_subjects": ["1", "3"], "test_subjects": ["2", "10"], "metric": "accuracy",
    },
    "cross_session": {
        "train": {"session": ["1"]}, "test": {"session": ["2"]},
        "metric": "macro_f1", "leaks_subjects": True,
    },
    "two_columns": {
        "train": {"session": ["1"], "subject": ["1", "2"]}, "test": {"session": ["2"]},
        "metric": "macro_f1", "leaks_subjects": True,
    },
    "nobody": {"train_subjects": ["1"], "test_subjects": [], "metric": "accuracy"},
    "both": {"train": {"session": ["1"]}, "test": {"subject": ["1"]}, "metric": "accuracy"},
    "no_column": {"train": {"scene": ["1"]}, "test": {"scene": ["2"]}, "metric": "accuracy"},
}  # fmt: skip
SUBJECTS = ["1", "2", "3", "10"]


@pytest.fixture
def description() -> DatasetDescription:
    draft = SyntheticLoader().discover().description
    return dataclasses.replace(draft, subjects=SUBJECTS, protocols=PROTOCOLS)


@pytest.fixture
def manifest() -> pd.DataFrame:
    """Two sessions of each of four subjects."""
    rows = [(f"s{s}_v{v}", s, v) for s in SUBJECTS for v in ("1", "2")]
    table = pd.DataFrame(rows, columns=["clip_id", "subject", "session"], dtype=str)
    return table.assign(action=0)


def test_by_subject(description, manifest):
    (split,) = protocol_splits(description, manifest, "cross_subject")
    assert split == ClipSplit(
        "cross_subject", "", ("s1_v1", "s1_v2", "s3_v1", "s3_v2"),
        ("s2_v1", "s2_v2", "s10_v1", "s10_v2"), ("1", "3"), ("2", "10"), "accuracy",
    )  # fmt: skip
    assert (split.leaks_subjects, split.label) == (False, "cross_subject")


def test_by_session(description, manifest):
    (split,) = protocol_splits(description, manifest, "cross_session")
    assert split.train_clips == ("s1_v1", "s2_v1", "s3_v1", "s10_v1")
    assert split.test_clips == ("s1_v2", "s2_v2", "s3_v2", "s10_v2")
    assert (split.metric, split.leaks_subjects) == ("macro_f1", True)
    assert split.label == "cross_session (leaks subjects)"


def test_by_two_columns(description, manifest):
    """A clip must have one of the values in each column."""
    (split,) = protocol_splits(description, manifest, "two_columns")
    assert split.train_clips == ("s1_v1", "s2_v1")


def test_an_empty_part_is_in_the_label(description, manifest):
    (split,) = protocol_splits(description, manifest, "nobody")
    assert (split.empty_parts, split.test_clips) == (("test",), ())
    assert split.label == "nobody (no test clip)"


def test_leave_one_subject_out(description, manifest):
    splits = protocol_splits(description, manifest, "leave_one_subject_out")
    assert [split.fold for split in splits] == SUBJECTS
    assert [split.test_clips for split in splits] == [
        (f"s{subject}_v1", f"s{subject}_v2") for subject in SUBJECTS
    ]
    assert all(len(split.train_clips) == 6 for split in splits)


def test_folds(description, manifest):
    splits = protocol_splits(description, manifest, "subject_folds", num_folds=2, seed=3)
    assert [split.fold for split in splits] == ["1 of 2", "2 of 2"]
    assert sorted(splits[0].test_clips + splits[1].test_clips) == sorted(manifest["clip_id"])
    assert not any(split.leaks_subjects for split in splits)


@pytest.mark.parametrize("num_folds", [None, 2])
def test_validation_is_by_subject_even_where_the_protocol_leaks(description, manifest, num_folds):
    (split,) = protocol_splits(description, manifest, "cross_session")
    folds = validation_splits(description, manifest, split, num_folds)
    assert len(folds) == (num_folds or 4)
    for fold in folds:
        assert not fold.leaks_subjects
        assert set(fold.train_clips) | set(fold.test_clips) == set(split.train_clips)
        assert fold.metric == "macro_f1"
    assert folds[0].protocol == "cross_session validation"


@pytest.mark.parametrize(
    ("protocol", "message"),
    [
        ("cross_view", "The protocol must be one of cross_subject, cross_session, two_columns, "),
        ("no_column", "The protocol no_column needs the manifest to have the column scene"),
        ("both", "No clip may both train and test in both. Received: s1_v1"),
    ],
)
def test_bad_protocol(description, manifest, protocol: str, message: str):
    with pytest.raises(UserError) as error:
        protocol_splits(description, manifest, protocol)
    assert message in str(error.value)


@settings(max_examples=50)
@given(st.integers(2, 12), st.data())
def test_subject_folds(num_subjects: int, data):
    """Each subject tests once; sizes differ by one at most; the seed alone decides."""
    subjects = [str(number) for number in range(num_subjects)]
    num_folds = data.draw(st.integers(2, num_subjects))
    seed = data.draw(st.integers(0, 5))
    folds = subject_folds(subjects, num_folds, seed)
    assert folds == subject_folds(subjects, num_folds, seed)
    assert sorted(name for fold in folds for name in fold.test_subjects) == sorted(subjects)
    sizes = [len(fold.test_subjects) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    for fold in folds:
        assert sorted(fold.train_subjects + fold.test_subjects) == sorted(subjects)


def test_seed_draws_other_folds():
    subjects = [str(number) for number in range(12)]
    draws = {tuple(fold.test_subjects for fold in subject_folds(subjects, 3, s)) for s in range(5)}
    assert len(draws) == 5


@pytest.mark.parametrize(
    ("subjects", "num_folds", "seed", "message"),
    [
        (["1", "2", "3"], 4, 0, "must be 2 to the number of subjects, 3. Received: 4"),
        (["1", "2", "3"], 1, 0, "Received: 1"),
        (["1", "1", "3"], 2, 0, "A subject must be named once"),
        (["1", "2", "3"], 2, -1, "seed must be at least 0"),
    ],
)
def test_bad_folds(subjects: list[str], num_folds: int, seed: int, message: str):
    with pytest.raises(UserError) as error:
        subject_folds(subjects, num_folds, seed)
    assert message in str(error.value)


@settings(max_examples=50)
@given(st.integers(2, 12), st.data())
def test_halves_test_every_subject_equally_often(num_subjects: int, data):
    subjects = [str(number) for number in range(num_subjects)]
    num_halvings = data.draw(st.integers(1, {2: 1, 3: 3, 4: 3}.get(num_subjects, 10)))
    seed = data.draw(st.integers(0, 5))
    splits = subject_halves(subjects, num_halvings, seed)
    assert len(set(splits)) == len(splits) == 2 * num_halvings
    tested = Counter(name for split in splits for name in split.test_subjects)
    assert tested == dict.fromkeys(subjects, num_halvings)
    for one, other in zip(splits[::2], splits[1::2], strict=True):
        assert one == Split(other.test_subjects, other.train_subjects)
        assert sorted(one.train_subjects + one.test_subjects) == sorted(subjects)
        assert abs(len(one.train_subjects) - len(one.test_subjects)) == num_subjects % 2


def test_eight_subjects_have_35_halvings_and_more_of_them_begin_with_the_same():
    subjects = list("12345678")
    splits = subject_halves(subjects, 35, seed=3)
    assert len({frozenset(split.train_subjects) for split in splits}) == 70
    assert subject_halves(subjects, 10, seed=3) == splits[:20]
    assert subject_halves(subjects, 10, seed=4) != splits[:20]


def test_many_subjects_are_halved_without_listing_all_halvings():
    splits = subject_halves([str(number) for number in range(42)], 20)
    assert {len(split.train_subjects) for split in splits} == {21}


@pytest.mark.parametrize(
    ("subjects", "num_halvings", "seed", "message"),
    [
        ("12345678", 36, 0, "The number of halvings of 8 subjects must be 1 to 35. Received: 36"),
        ("123", 4, 0, "must be 1 to 3. Received: 4"),
        ("1234", 0, 0, "Received: 0"),
        ("1", 1, 0, "Halves need at least 2 subjects. Received: 1"),
        ("11", 1, 0, "A subject must be named once"),
        ("12", 1, -1, "seed must be at least 0"),
    ],
)
def test_bad_halves(subjects: str, num_halvings: int, seed: int, message: str):
    with pytest.raises(UserError) as error:
        subject_halves(list(subjects), num_halvings, seed)
    assert message in str(error.value)


def test_a_halving_is_two_folds_of_all_clips(description, manifest):
    splits = repeated_halves_splits(description, manifest, 2, seed=1)
    assert [split.fold for split in splits] == ["1a", "1b", "2a", "2b"]
    for one, other in zip(splits[::2], splits[1::2], strict=True):
        assert (one.train_clips, one.test_clips) == (other.test_clips, other.train_clips)
        assert not one.leaks_subjects and not one.empty_parts


def test_file_is_written_once(description, manifest, tmp_path: Path):
    path = tmp_path / "split.json"
    splits = protocol_splits(description, manifest, "cross_session")
    first = kept_splits(path, splits)
    inode = path.stat().st_ino
    assert kept_splits(path, splits) == first
    assert path.stat().st_ino == inode
    content = json.loads(path.read_text())
    assert (content["sha256"], content["leaks_subjects"]) == (first, True)
    assert content["splits"][0]["train_clips"] == ["s1_v1", "s2_v1", "s3_v1", "s10_v1"]
    assert content["splits"][0]["test_subjects"] == SUBJECTS


def test_file_of_other_splits(description, manifest, tmp_path: Path):
    path = tmp_path / "split.json"
    kept_splits(path, protocol_splits(description, manifest, "cross_session"))
    other = protocol_splits(description, manifest.iloc[:-1], "cross_session")
    with pytest.raises(UserError, match=r"must hold the splits of cross_session of this prepared"):
        kept_splits(path, other)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"s1_v1"', '"s9_v1"', "A split file must be as it was written"),
        ("{", "", "A split file must be readable JSON with its hash"),
        ('"sha256"', '"sha255"', "A split file must be readable JSON with its hash"),
    ],
)
def test_damaged_file(description, manifest, tmp_path: Path, old: str, new: str, message: str):
    path = tmp_path / "split.json"
    splits = protocol_splits(description, manifest, "cross_session")
    kept_splits(path, splits)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(UserError) as error:
        kept_splits(path, splits)
    assert str(error.value).startswith(message)


@pytest.mark.slow
def test_real_protocols(real_utd: PreparedSet):
    """Counts as published: 431/430 by subject, 432/429 by trial, 861 over eight folds."""
    description, manifest = real_utd.description, real_utd.manifest
    (by_subject,) = protocol_splits(description, manifest, "cross_subject")
    assert (len(by_subject.train_clips), len(by_subject.test_clips)) == (431, 430)
    (by_trial,) = protocol_splits(description, manifest, "subject_specific")
    assert (len(by_trial.train_clips), len(by_trial.test_clips)) == (432, 429)
    assert description.protocols["subject_specific"]["leaks_subjects"] is True
    assert by_trial.label == "subject_specific (leaks subjects)"
    folds = protocol_splits(description, manifest, "leave_one_subject_out")
    assert sum(len(fold.test_clips) for fold in folds) == 861
