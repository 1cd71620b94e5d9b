"""A run of `pskd_tf.train`, read from its folder."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np
import pandas as pd

from data_prep.errors import UserError
from data_prep.files import file_sha256, json_sha256
from data_prep.prepared_set import PreparedSet
from data_prep.records import later_field, read_record, record_from_json
from pskd_tf.settings import InputSettings, RunSettings, read_run_settings
from pskd_tf.stream_settings import StreamSettings


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
        """Reads a stage's folder.

        Args:
            folder: The folder that `run_stage` wrote.

        Returns:
            The record.

        Raises:
            UserError: It is not there, not readable, or its key is not that of its content.
        """
        path = folder / "stage.json"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            record = cls(folder, values["kind"], values["key"], values["spec"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            rule = "Every stage of the run must be in --stages_dir, which is RUN/stages by default"
            raise UserError(rule, error, path) from error
        if json_sha256({name: values[name] for name in values if name != "key"}) != record.key:
            raise UserError("A stage's key must be the hash of its content", record.key, path)
        return record

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
    def result(self) -> dict[str, Any]:
        """The content of the stage's result.json."""
        result: dict[str, Any] = _read(self.folder / "result.json")
        return result

    @cached_property
    def history(self) -> pd.DataFrame:
        """One row an epoch; empty where the stage trained nothing."""
        path = self.folder / "history.csv"
        return pd.read_csv(path) if path.exists() else pd.DataFrame()


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
        """Pools the predictions of score stages, one a fold."""
        parts = []
        for folder in folders:
            with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
                parts.append({name: arrays[name] for name in arrays.files})
        whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        # Under `vote` the rows hold shares of windows and a trace of the mean; sums differ from 1.
        total = whole["probabilities"].sum(axis=1, keepdims=True)
        return cls(
            clip_ids=whole["clip_ids"],
            labels=whole["labels"],
            on_wrist=whole["on_wrist"],
            probabilities=whole["probabilities"] / total,
        )


@dataclass(frozen=True)
class ExportManifest:
    """The content of an export's `manifest.json`.

    Attributes:
        files: SHA-256 of every other file of the export, by name.
        flatbuffer_bytes: Bytes of the flatbuffer.
        operators: Operators of the flatbuffer, in order.
        measured_arena_bytes: Bytes of the tensor arena, measured on the host.
        arena_bytes: Bytes of the tensor arena that `model_settings.h` reserves.
        class_names: Label of each output, in order.
        golden_clips: Names of the clips of the golden vectors.
        inputs: The preprocessing that the model was trained on.
        clip_rate_hz: Sampling rate of the training clips, in Hz.
        provenance: The run that made the model, as JSON values.
        stream: How movements are cut out of a stream, for a model with the class "none", which is
            its last output; None for a model of clips alone.
    """

    files: dict[str, str]
    flatbuffer_bytes: int
    operators: tuple[str, ...]
    measured_arena_bytes: int
    arena_bytes: int
    class_names: tuple[str, ...]
    golden_clips: tuple[str, ...]
    inputs: InputSettings
    clip_rate_hz: float
    provenance: dict[str, Any]
    stream: StreamSettings | None = later_field()

    @property
    def null_class(self) -> int | None:
        """The output for "none"; None without one."""
        return None if self.stream is None else len(self.class_names) - 1


@dataclass(frozen=True)
class Export:
    """An export folder, checked against its manifest.

    Attributes:
        folder: Where the files lie.
        manifest: The content of `manifest.json`.
    """

    folder: Path
    manifest: ExportManifest

    @classmethod
    def read(cls, folder: str | Path) -> "Export":
        """Reads the manifest of an export.

        Args:
            folder: The folder that `export_student` wrote.

        Returns:
            The export.

        Raises:
            UserError: There is none, or it is not of this version.
        """
        folder = Path(folder)
        path = folder / "manifest.json"
        if not path.is_file():
            raise UserError("A finished run has an export", "no manifest.json", folder)
        return cls(folder, read_record(ExportManifest, path))

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the manifest, which holds that of every file."""
        return file_sha256(self.folder / "manifest.json")

    def file(self, name: str) -> Path:
        """Returns a file of the export.

        Args:
            name: The file's name.

        Returns:
            Its path.

        Raises:
            UserError: The file is missing, or it is not the one that was exported.
        """
        path = self.folder / name
        if name not in self.manifest.files or not path.is_file():
            raise UserError("An export must be complete", f"no {name}", self.folder)
        if file_sha256(path) != self.manifest.files[name]:
            raise UserError("An export's files must be unchanged", "another hash", path)
        return path

    @cached_property
    def tflite(self) -> bytes:
        """The exported int8 flatbuffer."""
        return self.file("student_int8.tflite").read_bytes()

    @property
    def test_clips(self) -> tuple[str, ...]:
        """Names of the clips held out in training; none where the exporter named none."""
        return tuple(self.manifest.provenance.get("test_clips", ()))

    @property
    def dataset_fingerprint(self) -> str:
        """Fingerprint of the prepared set that the model was trained on; "" if not named."""
        return str(self.manifest.provenance.get("dataset_fingerprint", ""))


SCORES = ("accuracy", "macro_f1", "wrist_actions_accuracy")
# What every reader of metrics.json relies on.
_METRICS = (
    *("dataset", "protocol", "folds", "seeds", "teacher_seeds", "teachers", "student"),
    *("students_by_teacher_outputs", "baseline", "model", "wall_seconds"),
)


@dataclass(frozen=True)
class Run:
    """A run of `pskd_tf.train`: each of its files is read, and checked, when it is first needed.

    Attributes:
        run_dir: The run's folder.
        stages_dir: Where its stages lie.
        prepared_dir: Where its prepared set lies.
    """

    run_dir: Path
    stages_dir: Path
    prepared_dir: Path

    @classmethod
    def load(
        cls,
        run_dir: str | Path,
        stages_dir: str | Path | None = None,
        prepared_dir: str | Path | None = None,
    ) -> "Run":
        """Names a run's folders; nothing is read yet.

        Args:
            run_dir: The run's folder.
            stages_dir: Where its stages lie; `run_dir/stages` if None.
            prepared_dir: Where its prepared set lies; `run_dir/prepared` if None.

        Returns:
            The run.
        """
        run_dir = Path(run_dir)
        return cls(
            run_dir,
            Path(stages_dir or run_dir / "stages"),
            Path(prepared_dir or run_dir / "prepared"),
        )

    def require_all(self) -> "Run":
        """Reads all files of a report, so that an error names a missing one at once.

        Returns:
            The run itself.

        Raises:
            UserError: The run is not finished, or a stage or the prepared set is missing.
        """
        _ = self.metrics, self.settings, self.export, self.prepared, self.stages, self.compression
        return self

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`."""
        path = self.run_dir / "metrics.json"
        metrics: dict[str, Any] = _read(path)
        missing = [name for name in _METRICS if name not in metrics] if metrics else [*_METRICS]
        if missing:
            rule = f"metrics.json must hold {', '.join(_METRICS)}"
            raise UserError(rule, f"no {missing[0]}", path)
        return metrics

    @cached_property
    def settings(self) -> RunSettings:
        """The settings of the run."""
        return read_run_settings(self.run_dir)

    @cached_property
    def settings_as_written(self) -> dict[str, Any]:
        """The content of `settings.json`, of whatever version; empty where there is none."""
        path = self.run_dir / "settings.json"
        return _read(path) if path.exists() else {}

    @cached_property
    def export(self) -> Export:
        """The export of the run's first seed."""
        return Export.read(self.run_dir / "export")

    @cached_property
    def prepared(self) -> PreparedSet:
        """The prepared set that the run was made from.

        Raises:
            UserError: It is missing, or it is another one.
        """
        return PreparedSet.load(self.prepared_dir)

    @cached_property
    def compression(self) -> Any:
        """The content of `compression.json` of `pskd_tf.compress`; None where it did not run."""
        path = self.run_dir / "compression.json"
        return _read(path) if path.exists() else None

    @cached_property
    def stages(self) -> tuple["StageRecord", ...]:
        """Every stage, in the order of the times in `metrics.json`."""
        folders = (self.stages_dir / name for name in self.metrics["wall_seconds"])
        return tuple(StageRecord.load(folder) for folder in folders)

    @property
    def class_names(self) -> list[str]:
        """Name of each class index."""
        return self.prepared.description.class_names

    @property
    def first_kind(self) -> str:
        """The kind of teacher outputs whose student is exported."""
        return self.settings.teacher_outputs[0]

    @property
    def first_seed(self) -> int:
        """The student seed whose model is exported."""
        return self.settings.seeds[0]

    def scores(self, what: str) -> list["StageRecord"]:
        """Returns the score stages of one model and seed, one for each fold, in their order."""
        start = f"score-{what.replace('/', '-')}-of-"
        return [stage for stage in self.stages if stage.name.startswith(start)]

    def predictions(self, what: str, fold: int | None = None) -> "Predictions":
        """Returns a model's predictions of the held-out clips of one fold, or of all folds."""
        stages = self.scores(what)
        return Predictions.load(
            [one.folder for one in (stages if fold is None else [stages[fold]])]
        )

    def stage(self, key: str) -> "StageRecord":
        """Returns the stage of a key.

        Raises:
            UserError: The run has none of this key.
        """
        found = next((stage for stage in self.stages if stage.key == key), None)
        if found is None:
            raise UserError("A run's stage reads stages of the same run", key, self.run_dir)
        return found

    def clip_rows(self, clip_ids: Iterable[str]) -> list[int]:
        """Returns the rows of the prepared set's manifest in which clips stand."""
        rows = {clip: row for row, clip in enumerate(self.prepared.manifest["clip_id"])}
        return [rows[clip] for clip in clip_ids]

    def recorded_scores(self, form: str) -> dict[str, float] | None:
        """Returns the entry of the exported student in `metrics.json`.

        Args:
            form: `float`, `pruned` or `int8`.

        Returns:
            The scores of the exported seed, fractions 0..1; None where they pool several folds, of
            which the exported student saw one.
        """
        if len(self.metrics["folds"]) > 1:
            return None
        seed = self.metrics["seeds"].index(self.export.manifest.provenance["seed"])
        return {name: self.metrics["student"][form][name]["values"][seed] for name in SCORES}

    @cached_property
    def exported_stages(self) -> dict[str, "StageRecord"]:
        """The stages whose weights are the exported student's, `float` and `pruned`; none where
        the stages are elsewhere."""
        made_from = self.export.manifest.provenance
        compressed = self._stage_of_key(made_from["stage_key"])
        student = None if compressed is None else self._stage_of_key(made_from["student_key"])
        if compressed is None or student is None:
            return {}
        return {"float": student, "pruned": compressed}

    def _stage_of_key(self, key: str) -> "StageRecord | None":
        found = sorted(self.stages_dir.glob(f"*-{key[:12]}/result.json"))
        return StageRecord.load(found[0].parent) if found else None


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        rule = "A finished run of pskd_tf.train has metrics.json and export/"
        raise UserError(rule, error, path) from error
