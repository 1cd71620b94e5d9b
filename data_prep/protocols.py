"""Evaluation protocols: which subjects and clips train, and which are held out.

A `Split` is of subjects, a `ClipSplit` of a prepared set's clips. A data set declares protocols in
its description, each as `{"train_subjects", "test_subjects", "metric"}` or as
`{"train": {column: values}, "test": {column: values}, "metric"}` over columns of its manifest;
`protocol_splits` makes the splits of a protocol.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from data_prep.clip import NULL_ACTION
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError

LEAVE_ONE_SUBJECT_OUT = "leave_one_subject_out"
SUBJECT_FOLDS = "subject_folds"
REPEATED_SUBJECT_HALVES = "repeated_subject_halves"


@dataclass(frozen=True)
class Split:
    """Two disjoint, non-empty groups of subjects.

    Args:
        train_subjects: Subjects whose clips train.
        test_subjects: Subjects whose clips test.

    Raises:
        UserError: A part is empty, names a subject twice, or shares one with the other.
    """

    train_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]

    def __post_init__(self) -> None:
        for part, subjects in (("train", self.train_subjects), ("test", self.test_subjects)):
            if not subjects:
                raise UserError(f"The {part} part needs at least one subject", "none")
            if len(set(subjects)) != len(subjects):
                rule = f"The {part} part must name a subject once"
                raise UserError(rule, ", ".join(subjects))
        shared = sorted(set(self.train_subjects) & set(self.test_subjects))
        if shared:
            raise UserError("No subject may both train and test", ", ".join(shared))


@dataclass(frozen=True)
class ClipSplit:
    """One split of a prepared set's clips by a protocol.

    A part may be empty, for example in an incomplete download; see `empty_parts`.

    Args:
        protocol: The protocol's name.
        fold: Which of the protocol's splits this is: the subject left out or "2 of 5"; "" for a
            protocol with a single split.
        train_clips: clip_id of the training part, in the manifest's order.
        test_clips: clip_id of the test part, in the manifest's order.
        train_subjects: Subjects of the training part, in natural order.
        test_subjects: Subjects of the test part, in natural order.
        metric: The metric the protocol is reported with.

    Raises:
        UserError: A clip is in both parts.
    """

    protocol: str
    fold: str
    train_clips: tuple[str, ...]
    test_clips: tuple[str, ...]
    train_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]
    metric: str

    def __post_init__(self) -> None:
        shared = sorted(set(self.train_clips) & set(self.test_clips))
        if shared:
            raise UserError(f"No clip may both train and test in {self.protocol}", shared[0])

    @property
    def leaks_subjects(self) -> bool:
        """Whether a subject is in both parts; such a score says little about new people."""
        return bool(set(self.train_subjects) & set(self.test_subjects))

    @property
    def empty_parts(self) -> tuple[str, ...]:
        """The parts without a clip, of "train" and "test"."""
        parts = (("train", self.train_clips), ("test", self.test_clips))
        return tuple(name for name, clips in parts if not clips)

    @property
    def label(self) -> str:
        """Protocol and fold as printed, with remarks on leaking subjects and empty parts."""
        remarks = [f"fold {self.fold}"] if self.fold else []
        if self.leaks_subjects:
            remarks.append("leaks subjects")
        remarks += [f"no {part} clip" for part in self.empty_parts]
        return self.protocol + (f" ({', '.join(remarks)})" if remarks else "")


def protocol_splits(
    description: DatasetDescription,
    manifest: pd.DataFrame,
    protocol: str,
    num_folds: int = 5,
    seed: int = 0,
) -> list[ClipSplit]:
    """Returns the splits of a protocol.

    Args:
        description: The data set.
        manifest: The prepared set's manifest.
        protocol: A protocol that the data set declares, or "leave_one_subject_out" or
            "subject_folds", which every data set has.
        num_folds: Number of splits of "subject_folds".
        seed: Seed of "subject_folds".

    Returns:
        One split for a declared protocol, else one a fold. A part may be empty; its label says so.

    Raises:
        UserError: The protocol is unknown, or is declared with a column that the manifest lacks;
            there are too few subjects for folds.
    """
    if protocol == LEAVE_ONE_SUBJECT_OUT:
        folds = leave_one_subject_out(description.subjects)
        return [
            _split(description, manifest, protocol, fold.test_subjects[0],
                   {"subject": fold.train_subjects}, {"subject": fold.test_subjects})
            for fold in folds
        ]  # fmt: skip
    if protocol == SUBJECT_FOLDS:
        folds = subject_folds(description.subjects, num_folds, seed)
        return [
            _split(description, manifest, protocol, f"{number} of {num_folds}",
                   {"subject": fold.train_subjects}, {"subject": fold.test_subjects})
            for number, fold in enumerate(folds, start=1)
        ]  # fmt: skip
    declared = description.protocols.get(protocol)
    if declared is None:
        known = [*description.protocols, LEAVE_ONE_SUBJECT_OUT, SUBJECT_FOLDS]
        raise UserError(f"The protocol must be one of {', '.join(known)}", protocol)
    train, test = (
        declared[part] if part in declared else {"subject": declared[f"{part}_subjects"]}
        for part in ("train", "test")
    )
    return [_split(description, manifest, protocol, "", train, test)]


def validation_splits(
    description: DatasetDescription,
    manifest: pd.DataFrame,
    split: ClipSplit,
    num_folds: int | None = None,
    seed: int = 0,
) -> list[ClipSplit]:
    """Returns validation splits of a split's training part, by subject.

    Also under a protocol that leaks subjects, no subject is in both parts of a validation split.

    Args:
        description: The data set.
        manifest: The prepared set's manifest.
        split: The split whose training part is divided; its test clips are in no part.
        num_folds: Number of folds; None leaves out one subject at a time.
        seed: Draws the folds if `num_folds` is given.

    Returns:
        One split a fold.

    Raises:
        UserError: The training part has fewer than 2 subjects, or fewer than `num_folds`.
    """
    if num_folds is None:
        folds = leave_one_subject_out(split.train_subjects)
    else:
        folds = subject_folds(split.train_subjects, num_folds, seed)
    training = manifest[manifest["clip_id"].isin(split.train_clips)]
    name = f"{split.protocol} validation"
    return [
        _split(description, training, name, ", ".join(fold.test_subjects),
               {"subject": fold.train_subjects}, {"subject": fold.test_subjects})
        for fold in folds
    ]  # fmt: skip


def repeated_halves_splits(
    description: DatasetDescription, manifest: pd.DataFrame, num_halvings: int, seed: int = 0
) -> list[ClipSplit]:
    """Returns the splits of "repeated_subject_halves" over all subjects of a data set.

    Args:
        description: The data set.
        manifest: The prepared set's manifest.
        num_halvings: Number of halvings; see `subject_halves`.
        seed: Seed of the draw.

    Returns:
        Two splits a halving, whose folds are "1a", "1b", "2a" and so on.

    Raises:
        UserError: There are not as many halvings.
    """
    folds = subject_halves(description.subjects, num_halvings, seed)
    names = [f"{number}{half}" for number in range(1, num_halvings + 1) for half in "ab"]
    return [
        _split(description, manifest, REPEATED_SUBJECT_HALVES, name,
               {"subject": fold.train_subjects}, {"subject": fold.test_subjects})
        for name, fold in zip(names, folds, strict=True)
    ]  # fmt: skip


def _split(
    description: DatasetDescription,
    manifest: pd.DataFrame,
    protocol: str,
    fold: str,
    train: Mapping[str, Sequence[str]],
    test: Mapping[str, Sequence[str]],
) -> ClipSplit:
    parts = {}
    for part, wanted in (("train", train), ("test", test)):
        # What shows no class neither trains nor tests a class.
        chosen = np.array(manifest["action"] != NULL_ACTION)
        for column, values in wanted.items():
            if column not in manifest:
                rule = f"The protocol {protocol} needs the manifest to have the column {column}"
                raise UserError(rule, ", ".join(manifest.columns), description.name)
            chosen &= manifest[column].isin(list(values)).to_numpy()
        rows = manifest[chosen]
        movers = set(rows["subject"])
        parts[f"{part}_clips"] = tuple(rows["clip_id"])
        parts[f"{part}_subjects"] = tuple(name for name in description.subjects if name in movers)
    return ClipSplit(protocol=protocol, fold=fold, metric=_metric(description, protocol), **parts)


def _metric(description: DatasetDescription, protocol: str) -> str:
    """Returns the protocol's metric; for derived protocols that of the first declared one."""
    declared: list[dict[str, Any]] = list(description.protocols.values())
    own = description.protocols.get(protocol.removesuffix(" validation"))
    return str((own or (declared[0] if declared else {})).get("metric", "accuracy"))


def cross_subject(description: DatasetDescription) -> Split:
    """Returns the data set's own cross-subject split.

    Args:
        description: The data set.

    Returns:
        The split.

    Raises:
        UserError: The data set declares none, a part is empty, or a subject is unknown.
    """
    protocol = description.protocols.get("cross_subject")
    if protocol is None:
        known = ", ".join(sorted(description.protocols)) or "no protocol"
        raise UserError("The data set must declare a cross_subject protocol", known)
    split = Split(tuple(protocol["train_subjects"]), tuple(protocol["test_subjects"]))
    _check_known(split.train_subjects + split.test_subjects, description.subjects)
    return split


def leave_one_subject_out(subjects: Sequence[str]) -> list[Split]:
    """Returns one split a subject: it tests, all others train.

    Args:
        subjects: At least 2 subjects; each once. To choose settings, give the training subjects.

    Returns:
        The splits, in the order of `subjects`.

    Raises:
        UserError: Fewer than 2 subjects, or one twice.
    """
    subjects = tuple(subjects)
    if len(subjects) < 2:
        raise UserError("Leaving one subject out needs at least 2", ", ".join(subjects) or "none")
    if len(set(subjects)) != len(subjects):
        raise UserError("A subject must be named once", ", ".join(subjects))
    return [
        Split(tuple(other for other in subjects if other != subject), (subject,))
        for subject in subjects
    ]


def subject_folds(subjects: Sequence[str], num_folds: int, seed: int = 0) -> list[Split]:
    """Returns splits by subject, in which each subject is in exactly one test part.

    Args:
        subjects: Each once. To choose settings, give the training subjects.
        num_folds: Number of splits, from 2 to the number of subjects. The test parts' sizes
            differ by one subject at most.
        seed: Seed of the draw of subjects, at least 0.

    Returns:
        The splits; subjects stand in the order of `subjects`.

    Raises:
        UserError: An argument is out of range, or a subject comes twice.
    """
    subjects = tuple(subjects)
    if len(set(subjects)) != len(subjects):
        raise UserError("A subject must be named once", ", ".join(subjects))
    if not 2 <= num_folds <= len(subjects):
        rule = f"The number of folds must be 2 to the number of subjects, {len(subjects)}"
        raise UserError(rule, num_folds)
    if seed < 0:
        raise UserError("seed must be at least 0", seed)
    fold_of = np.random.default_rng(seed).permutation(len(subjects)) % num_folds
    parts = list(zip(subjects, fold_of.tolist(), strict=True))
    return [
        Split(
            tuple(name for name, other in parts if other != fold),
            tuple(name for name, other in parts if other == fold),
        )
        for fold in range(num_folds)
    ]


def subject_halves(subjects: Sequence[str], num_halvings: int, seed: int = 0) -> list[Split]:
    """Returns splits in which one half of the subjects trains and the other half tests.

    A halving gives two splits, because each half trains once. So every subject tests once in each
    halving and trains once. Source: two-fold cross-validation, repeated (5x2cv of Dietterich 1998,
    "Approximate Statistical Tests for Comparing Supervised Classification Learning Algorithms"),
    by subject instead of by sample.

    Args:
        subjects: At least 2, each once. Of an odd number, one half has one subject more.
        num_halvings: Number of halvings, which all differ. Of 8 subjects there are 35.
        seed: Seed of the draw, at least 0. More halvings of the same seed begin with the same ones.

    Returns:
        Two splits a halving, one after the other; subjects stand in the order of `subjects`.

    Raises:
        UserError: An argument is out of range, or a subject comes twice.
    """
    subjects = tuple(subjects)
    if len(set(subjects)) != len(subjects):
        raise UserError("A subject must be named once", ", ".join(subjects))
    if len(subjects) < 2:
        raise UserError("Halves need at least 2 subjects", ", ".join(subjects) or "none")
    count, half = len(subjects), len(subjects) // 2
    total = math.comb(count, half) // (2 if count % 2 == 0 else 1)
    if not 1 <= num_halvings <= total:
        rule = f"The number of halvings of {count} subjects must be 1 to {total}"
        raise UserError(rule, num_halvings)
    if seed < 0:
        raise UserError("seed must be at least 0", seed)
    generator = np.random.default_rng(seed)
    splits: list[Split] = []
    known: set[frozenset[frozenset[str]]] = set()
    while len(splits) < 2 * num_halvings:
        drawn = {subjects[place] for place in generator.permutation(count)[:half]}
        halves = [
            tuple(one for one in subjects if one in drawn),
            tuple(one for one in subjects if one not in drawn),
        ]
        halving = frozenset(map(frozenset, halves))
        if halving not in known:
            known.add(halving)
            splits += [Split(halves[0], halves[1]), Split(halves[1], halves[0])]
    return splits


def clip_indices(manifest: pd.DataFrame, subjects: Iterable[str]) -> np.ndarray:
    """Returns the rows of some subjects' clips that show a class.

    Args:
        manifest: A prepared set's manifest.
        subjects: Subjects that occur in it.

    Returns:
        int64 (clips,), ascending.

    Raises:
        UserError: A subject has no clip, or no subject is given.
    """
    subjects = tuple(subjects)
    if not subjects:
        raise UserError("Choosing clips needs at least one subject", "none")
    _check_known(subjects, manifest["subject"].unique())
    shows_class = manifest["action"] != NULL_ACTION
    return np.flatnonzero((manifest["subject"].isin(subjects) & shows_class).to_numpy())


def _check_known(subjects: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    unknown = [subject for subject in subjects if subject not in known]
    if unknown:
        raise UserError(f"A subject must be one of {', '.join(known)}", ", ".join(unknown))
