"""A finished stage, read from its folder: what it was made from, and its predictions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from data_prep.errors import UserError
from data_prep.files import json_sha256
from data_prep.records import read_arrays, read_record, record_from_json, record_to_json
from pskd_tf.run_records import TRAIN_AGAIN, StageContent, check_stage


class _Specification(Protocol):
    kind: ClassVar[str]


Spec = TypeVar("Spec", bound=_Specification)


@dataclass(frozen=True)
class StageRecord:
    """What a stage was made from, and the results that it left.

    Attributes:
        folder: Its folder.
        kind: `fit`, `teacher_outputs`, `compress`, `score` and so on.
        key: Its SHA-256.
        content: The specification, as JSON values; see `spec`.
    """

    folder: Path
    kind: str
    key: str
    content: dict[str, Any]

    @classmethod
    def load(cls, folder: Path) -> "StageRecord":
        """Reads a stage's folder and checks the hashes of its files.

        Args:
            folder: The folder that `run_stage` wrote.

        Returns:
            The record.

        Raises:
            UserError: It is not there, not readable, its key is not that of its content, or one of
                its files is not as it was written.
        """
        path = folder / "stage.json"
        if not path.is_file():
            rule = "Every stage of the run must be in --stages_dir, which is RUN/stages by default"
            raise UserError(rule, "none", path)
        check_stage(folder)
        content = read_record(StageContent, path)
        values = record_to_json(content)
        if json_sha256({name: values[name] for name in values if name != "key"}) != content.key:
            raise UserError("A stage's key must be the hash of its content", content.key, path)
        return cls(folder, content.kind, content.key, content.spec)

    def spec(self, kind: type[Spec]) -> Spec:
        """Returns the stage's specification.

        Args:
            kind: The specification of the stage's kind, such as `FitSpec`.

        Returns:
            The specification.

        Raises:
            UserError: The stage is of another kind or of another version.
        """
        path = self.folder / "stage.json"
        if kind.kind != self.kind:
            raise UserError(f"The stage must be of the kind {kind.kind}", self.kind, path)
        return record_from_json(kind, self.content, path)

    @property
    def name(self) -> str:
        """The folder's name without the key."""
        return self.folder.name.rsplit("-", 1)[0]

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch; empty where the stage trained nothing.

        Raises:
            UserError: The file is no table of numbers.
        """
        path = self.folder / "history.csv"
        if not path.exists():
            return pd.DataFrame()
        rule = f"A history.csv must be a table of numbers; {TRAIN_AGAIN}"
        try:
            table = pd.read_csv(path)
        except (OSError, ValueError) as error:
            raise UserError(rule, error, path) from error
        wrong = [name for name in table.columns if not is_numeric_dtype(table[name])]
        if wrong:
            raise UserError(rule, f"other values under {wrong[0]}", path)
        return table


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of clips.

    Attributes:
        clip_ids: `(clips,)` names.
        labels: `(clips,)` true class indices.
        on_wrist: `(clips,)` whether the sensor was worn at the wrist.
        probabilities: `(clips, classes)`, rows summing to 1.
    """

    clip_ids: np.ndarray
    labels: np.ndarray
    on_wrist: np.ndarray
    probabilities: np.ndarray

    @property
    def guesses(self) -> np.ndarray:
        """`(clips,)` class indices."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def right(self) -> np.ndarray:
        """`(clips,)` whether the guess is the label."""
        return np.asarray(self.guesses == self.labels)

    @classmethod
    def load(cls, folders: Sequence[Path]) -> "Predictions":
        """Pools the predictions of score stages, one a fold.

        Raises:
            UserError: A `predictions.npz` is missing, damaged, or holds arrays of other shapes.
        """
        parts = [_read_predictions(folder / "predictions.npz") for folder in folders]
        whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        # Under `vote` the rows hold shares of windows and a trace of the mean; sums differ from 1.
        total = whole["probabilities"].sum(axis=1, keepdims=True)
        return cls(
            clip_ids=whole["clip_ids"],
            labels=whole["labels"],
            on_wrist=whole["on_wrist"],
            probabilities=whole["probabilities"] / total,
        )


def _read_predictions(path: Path) -> dict[str, np.ndarray]:
    rule = f"A predictions.npz must be as it was written; {TRAIN_AGAIN}"
    names = ("clip_ids", "labels", "on_wrist", "probabilities")
    arrays = read_arrays(path, names, rule)
    kinds = "".join(arrays[name].dtype.kind for name in names)
    shapes = [arrays[name].shape for name in names]
    if kinds != "Uibf" or shapes != [shapes[0]] * 3 + [(*shapes[0], *shapes[3][1:])]:
        raise UserError(rule, f"arrays of kinds {kinds} and shapes {shapes}", path)
    if arrays["probabilities"].ndim != 2 or not (arrays["probabilities"].sum(axis=1) > 0).all():
        raise UserError(rule, "probabilities that are none", path)
    return arrays
