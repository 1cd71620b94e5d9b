"""One finished stage as its folder holds it."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from data_prep.user_error import UserError


@dataclass(frozen=True)
class StageRecord:
    """What a stage was and what it left.

    Attributes:
        folder: Its folder.
        kind: `fit`, `teacher_outputs`, `compress` or `score`.
        key: Its SHA-256.
        settings: What its result depends on.
        inputs: Keys of the stages whose results it read, by role.
    """

    folder: Path
    kind: str
    key: str
    settings: dict[str, Any]
    inputs: dict[str, str]

    @classmethod
    def load(cls, folder: Path) -> "StageRecord":
        """Reads a stage's folder.

        Args:
            folder: The folder that `run_stage` wrote.

        Returns:
            The record.

        Raises:
            UserError: It is not there, or not readable.
        """
        path = folder / "stage.json"
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                folder,
                **{name: content[name] for name in ("kind", "key")}
                | {"settings": content["settings"], "inputs": content["inputs"]},
            )
        except (OSError, ValueError, KeyError) as error:
            rule = "Every stage of the run must be in --stages_dir, which is RUN/stages by default"
            raise UserError(rule, error, path) from error

    @property
    def name(self) -> str:
        """The folder's name without the key."""
        return self.folder.name.rsplit("-", 1)[0]

    @cached_property
    def result(self) -> dict[str, Any]:
        """What the stage said about itself."""
        return json.loads((self.folder / "result.json").read_text(encoding="utf-8"))

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch; empty where the stage trained nothing."""
        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.exists() else pd.DataFrame()
