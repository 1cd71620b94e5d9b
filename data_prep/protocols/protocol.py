"""Which subjects train and which test, and the form in which a data set declares it.

`DatasetDescription.protocols` maps a protocol's name to one of two forms, both JSON:

* by subject: `{"train_subjects": ["1", "3"], "test_subjects": ["2", "4"], "metric": "accuracy"}`;
* by any text column of the manifest (`subject`, `trial`, or a name in `Clip.attributes`):
  `{"train": {"session": ["1", "2", "3", "4"]}, "test": {"session": ["5"]}, "metric": "macro_f1",
  "leaks_subjects": true}`. A clip is in a part if it has one of the values in every column named.

`leaks_subjects` must be true where someone both trains and tests; it may be absent otherwise.
`protocol_splits` turns any protocol into the clips of each part. Besides the declared ones every
data set has "leave_one_subject_out" and "subject_folds".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from data_prep.dataset_description import DatasetDescription
from data_prep.user_error import UserError


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


def clip_indices(manifest: pd.DataFrame, subjects: Iterable[str]) -> np.ndarray:
    """Returns the rows of some subjects' clips.

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
    return np.flatnonzero(manifest["subject"].isin(subjects).to_numpy())


def _check_known(subjects: Iterable[str], known: Iterable[str]) -> None:
    known = list(known)
    unknown = [subject for subject in subjects if subject not in known]
    if unknown:
        raise UserError(f"A subject must be one of {', '.join(known)}", ", ".join(unknown))
