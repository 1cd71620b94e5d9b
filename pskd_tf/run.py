"""A run of `pskd_tf.train`, read from its folder."""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import check_sha256, file_sha256
from data_prep.prepared_set import PreparedSet
from data_prep.records import (
    FileName,
    check_fields,
    later_field,
    read_json_object,
    read_record,
    record_from_json,
)
from pskd_tf.input_settings import InputSettings
from pskd_tf.metrics_record import read_metrics
from pskd_tf.run_records import (
    TRAIN_AGAIN,
    Key,
    RunRecord,
    optional_file,
    published_file,
    read_run_record,
)
from pskd_tf.settings import RunSettings, read_run_settings
from pskd_tf.stage_record import Predictions, StageRecord
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.student_settings import OWN_NET


@dataclass(frozen=True)
class Provenance:
    """What the export of a run says about the run; an export of one's own model may say less.

    Attributes:
        seed: Student seed.
        stage_key: Key of the compress or quantise stage.
        student_key: Key of the fit stage.
        test_subjects: Subjects held out in training.
        test_clips: Names of the clips held out in training.
        dataset_fingerprint: Fingerprint of the prepared set.
        run_key: Key of the run; "" in exports of older versions.
    """

    seed: int
    stage_key: Key
    student_key: Key
    test_subjects: tuple[str, ...]
    test_clips: tuple[str, ...]
    dataset_fingerprint: str
    run_key: str = ""


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
        no_plain_c: Why there is no plain C of it; None where there is.
    """

    files: dict[FileName, str]
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
    no_plain_c: str | None = later_field()

    @property
    def null_class(self) -> int | None:
        """The output for "none"; None without one."""
        return None if self.stream is None else len(self.class_names) - 1

    def __post_init__(self) -> None:
        # Of one's own exports they may be missing.
        for name in ("test_clips", "train_subjects", "test_subjects"):
            value = self.provenance.get(name, [])
            if not isinstance(value, list) or any(not isinstance(one, str) for one in value):
                raise UserError(f"provenance.{name} must be a list of texts", value)


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
            rule = f"A finished run has an export; {TRAIN_AGAIN}"
            raise UserError(rule, "no manifest.json", path)
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
        if name.startswith("plain_model") and self.manifest.no_plain_c is not None:
            rule = "The export has no plain C, which this needs (boards: --runtime=tflm)"
            raise UserError(rule, self.manifest.no_plain_c, self.folder)
        if name not in self.manifest.files or not path.is_file():
            rule = f"An export must be complete; {TRAIN_AGAIN}"
            raise UserError(rule, f"no {name}", self.folder)
        rule = f"An export's files must be unchanged; {TRAIN_AGAIN}"
        check_sha256(path, self.manifest.files[name], rule)
        return path

    @cached_property
    def tflite(self) -> bytes:
        """The exported int8 flatbuffer."""
        return self.file("student_int8.tflite").read_bytes()

    @property
    def test_clips(self) -> tuple[str, ...]:
        """Names of the clips held out in training; none where the exporter named none."""
        return tuple(self.manifest.provenance.get("test_clips", ()))

    @cached_property
    def made_from(self) -> Provenance:
        """The run that the export was made in.

        Raises:
            UserError: The manifest does not name it.
        """
        path = self.folder / "manifest.json"
        values = self.manifest.provenance
        check_fields(Provenance, values, path)
        names = {one.name for one in dataclasses.fields(Provenance)} & set(values)
        return record_from_json(Provenance, {name: values[name] for name in names}, path)

    @property
    def dataset_fingerprint(self) -> str:
        """Fingerprint of the prepared set that the model was trained on; "" if not named."""
        return str(self.manifest.provenance.get("dataset_fingerprint", ""))


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
