"""An export folder, read and checked."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import check_sha256, file_sha256
from data_prep.records import FileName, check_fields, later_field, read_record, record_from_json
from pskd_tf.input_settings import InputSettings
from pskd_tf.run_records import TRAIN_AGAIN, Key
from pskd_tf.stream_settings import StreamSettings


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
