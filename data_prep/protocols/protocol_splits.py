"""From a protocol's name to the clips of each part."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from data_prep.dataset_description import DatasetDescription
from data_prep.protocols.clip_split import ClipSplit
from data_prep.protocols.protocol import leave_one_subject_out
from data_prep.protocols.subject_folds import subject_folds
from data_prep.user_error import UserError

LEAVE_ONE_SUBJECT_OUT = "leave_one_subject_out"
SUBJECT_FOLDS = "subject_folds"


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
        protocol: A protocol the data set declares (its form: `data_prep.protocols.protocol`), or
            "leave_one_subject_out" or "subject_folds", which every data set has.
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
    """Returns splits of a split's training part by subject, by which settings are chosen.

    By subject whatever the protocol: also under one that leaks subjects, a held-out clip is
    always someone else's.

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
        chosen = np.ones(len(manifest), dtype=bool)
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
    """The protocol's metric; of derived protocols that of the data set's first one."""
    declared: list[dict[str, Any]] = list(description.protocols.values())
    own = description.protocols.get(protocol.removesuffix(" validation"))
    return str((own or (declared[0] if declared else {})).get("metric", "accuracy"))
