"""A finished run, read from its folder."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from pskd_tf.reporting.predictions import Predictions
from pskd_tf.reporting.stage_record import StageRecord


@dataclass(frozen=True)
class LoadedRun:
    """All that a report is made from.

    Attributes:
        run_dir: The run's folder.
        metrics: `metrics.json`.
        settings: `settings.json`.
        export: `export/manifest.json`.
        prepared: The prepared set.
        stages: Every stage, in the order of the run's account of times.
        compression: `compression.json` of `pskd_tf.compress`, or None.
    """

    run_dir: Path
    metrics: dict[str, Any]
    settings: dict[str, Any]
    export: dict[str, Any]
    prepared: PreparedSet
    stages: tuple[StageRecord, ...]
    compression: Any = None

    @classmethod
    def load(
        cls,
        run_dir: str | Path,
        stages_dir: str | Path | None = None,
        prepared_dir: str | Path | None = None,
    ) -> "LoadedRun":
        """Reads a run.

        Args:
            run_dir: The run's folder.
            stages_dir: Where its stages lie; `run_dir/stages` if None.
            prepared_dir: Where its prepared set lies; `run_dir/prepared` if None.

        Returns:
            The run.

        Raises:
            UserError: The run is not finished, or a stage or the prepared set is missing.
        """
        run_dir = Path(run_dir)
        metrics = read_metrics(run_dir)
        folder = Path(stages_dir or run_dir / "stages")
        compression = run_dir / "compression.json"
        return cls(
            run_dir=run_dir,
            metrics=metrics,
            settings=_read(run_dir / "settings.json"),
            export=_read(run_dir / "export" / "manifest.json"),
            prepared=PreparedSet.load(prepared_dir or run_dir / "prepared"),
            stages=tuple(StageRecord.load(folder / name) for name in metrics["wall_seconds"]),
            compression=_read(compression) if compression.exists() else None,
        )

    @property
    def class_names(self) -> list[str]:
        """Name of each class index."""
        return self.prepared.description.class_names

    @property
    def first_kind(self) -> str:
        """The kind of teacher outputs whose student ships."""
        return self.settings["teacher_outputs"][0]

    @property
    def first_seed(self) -> int:
        """The student seed whose model is exported."""
        return self.settings["seeds"][0]

    def scores(self, what: str) -> list[StageRecord]:
        """Returns the score stages of one model and seed, one a fold, in the folds' order."""
        start = f"score-{what.replace('/', '-')}-of-"
        return [stage for stage in self.stages if stage.name.startswith(start)]

    def predictions(self, what: str, fold: int | None = None) -> Predictions:
        """Returns what a model said of one fold's held-out clips, or of those of all folds."""
        stages = self.scores(what)
        return Predictions.load(
            [one.folder for one in (stages if fold is None else [stages[fold]])]
        )

    def stage(self, key: str) -> StageRecord:
        """Returns the stage of a key."""
        return next(stage for stage in self.stages if stage.key == key)

    def clip_rows(self, clip_ids: Sequence[str]) -> list[int]:
        """Returns the rows of the manifest in which clips stand."""
        rows = {clip: row for row, clip in enumerate(self.prepared.manifest["clip_id"])}
        return [rows[clip] for clip in clip_ids]


def read_metrics(run_dir: str | Path) -> dict[str, Any]:
    """Reads the numbers of a finished run.

    Args:
        run_dir: The run's folder.

    Returns:
        The content of `metrics.json`.

    Raises:
        UserError: There are none.
    """
    return _read(Path(run_dir) / "metrics.json")


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError("A report needs a finished run of pskd_tf.train", error, path) from error
