"""A run of `pskd_tf.train`, read from its folder."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.records import (
    check_fields,
    read_json_object,
)
from pskd_tf.exported import Export
from pskd_tf.metrics_record import read_metrics
from pskd_tf.run_records import (
    TRAIN_AGAIN,
    RunRecord,
    optional_file,
    published_file,
    read_run_record,
)
from pskd_tf.settings import RunSettings, read_run_settings
from pskd_tf.stage_record import Predictions, StageRecord
from pskd_tf.student_settings import OWN_NET

SCORES = ("accuracy", "macro_f1", "wrist_actions_accuracy")
_COMPRESS_AGAIN = "the same command of pskd_tf.compress makes it again"


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
        _ = self.exported_stages, [self.export.file(name) for name in self.export.manifest.files]
        return self

    @cached_property
    def record(self) -> RunRecord | None:
        """The content of `run.json`; None where there is none, as beside copied figures."""
        return read_run_record(self.run_dir)

    @property
    def key(self) -> str | None:
        """The key of the run to which the folder belongs; None where nothing names it."""
        if self.record is not None:
            return self.record.run_key
        # So that a folder of an older version belongs to its run, too.
        return self.metrics.get("run_key") if (self.run_dir / "metrics.json").exists() else None

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`.

        Raises:
            UserError: The run is not finished, the file is damaged, or it is of another run than
                the folder.
        """
        path = published_file(self.run_dir, "metrics.json")
        metrics = read_metrics(path)
        if self.record is not None:
            self._check_key(metrics.get("run_key"), path)
        return metrics

    @cached_property
    def settings(self) -> RunSettings:
        """The settings of the run."""
        return read_run_settings(published_file(self.run_dir, "settings.json").parent)

    @cached_property
    def settings_as_written(self) -> dict[str, Any]:
        """The content of `settings.json`, of whatever version; empty where there is none."""
        path = published_file(self.run_dir, "settings.json")
        rule = f"settings.json must be as pskd_tf.train wrote it; {TRAIN_AGAIN}"
        return dict(read_json_object(path, rule)) if path.exists() else {}

    @cached_property
    def export(self) -> Export:
        """The export of the run's first seed.

        Raises:
            UserError: There is none, it was changed, or it is of another run than the figures.
        """
        manifest = self.run_dir / "export" / "manifest.json"
        if manifest.exists():
            published_file(self.run_dir, "export/manifest.json")
        export = Export.read(manifest.parent)
        if self.key is not None and "run_key" in export.manifest.provenance:
            self._check_key(export.manifest.provenance["run_key"], manifest)
        return export

    def _check_key(self, key: Any, path: Path) -> None:
        if key != self.key:
            rule = "All files of a run's folder must be of one run; the same command of"
            rule = f"{rule} pskd_tf.train makes them again"
            raise UserError(rule, f"the run {str(key)[:12]} beside {str(self.key)[:12]}", path)

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
        path = optional_file(self.run_dir, "compression.json", _COMPRESS_AGAIN)
        if path is None:
            return None
        rule = f"compression.json must be as pskd_tf.compress wrote it; {_COMPRESS_AGAIN}"
        content = read_json_object(path, rule, finite=False)
        try:
            check_fields(_CompressionContent, content, path)
        except UserError as error:
            raise UserError(rule, error.reason, path) from error
        return content

    @cached_property
    def stages(self) -> tuple[StageRecord, ...]:
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

    def scores(self, what: str) -> list[StageRecord]:
        """Returns the score stages of one model and seed, one for each fold, in their order."""
        names = [what]
        if what.startswith("baseline/"):
            # A baseline that is also a teacher, or the student itself, is scored once.
            others = (f"teachers/{OWN_NET}", f"students/{self.settings.teacher_outputs[0]}")
            names += [what.replace("baseline", other) for other in others]
        if what.startswith("students/") and not self.settings.teachers:
            # One student, whatever kinds of teacher outputs were wanted; it is scored once.
            names.append(f"students/{self.first_kind}/{what.rsplit('/', 1)[1]}")
        for name in names:
            start = f"score-{name.replace('/', '-')}-of-"
            found = [stage for stage in self.stages if stage.name.startswith(start)]
            if found:
                return found
        return []

    def predictions(self, what: str, fold: int | None = None) -> Predictions:
        """Returns a model's predictions of the held-out clips of one fold, or of all folds."""
        stages = self.scores(what)
        return Predictions.load(
            [one.folder for one in (stages if fold is None else [stages[fold]])]
        )

    def stage(self, key: str) -> StageRecord:
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
        if self.export.made_from.seed not in self.metrics["seeds"]:
            rule = "The exported seed must be one of the run's"
            raise UserError(rule, self.export.made_from.seed, self.run_dir)
        seed = self.metrics["seeds"].index(self.export.made_from.seed)
        return {name: self.metrics["student"][form][name]["values"][seed] for name in SCORES}

    @cached_property
    def exported_stages(self) -> dict[str, StageRecord]:
        """The stages whose weights are the exported student's, `float` and `pruned`; none where
        the stages are elsewhere."""
        made_from = self.export.made_from
        compressed = self._stage_of_key(made_from.stage_key)
        student = None if compressed is None else self._stage_of_key(made_from.student_key)
        if compressed is None or student is None:
            return {}
        return {"float": student, "pruned": compressed}

    def _stage_of_key(self, key: str) -> StageRecord | None:
        found = sorted(self.stages_dir.glob(f"*-{key[:12]}/result.json"))
        return StageRecord.load(found[0].parent) if found else None


@dataclass(frozen=True)
class _Candidate:
    name: str
    method: str
    flash_bytes: int
    int8_accuracy: float


@dataclass(frozen=True)
class _CompressionContent:
    """What a report reads of `compression.json`; it lists whatever else is there."""

    candidates: tuple[_Candidate, ...] = ()
