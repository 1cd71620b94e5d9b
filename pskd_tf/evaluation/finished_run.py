"""What a finished run says about itself, as far as its scores can be checked."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.fingerprint import file_sha256
from data_prep.user_error import UserError
from pskd_tf.data.input_settings import InputSettings

SCORES = ("accuracy", "macro_f1", "wrist_actions_accuracy")


@dataclass(frozen=True)
class FinishedRun:
    """A run of `pskd_tf.train` with its export.

    Attributes:
        run_dir: Its folder.
        metrics: The content of `metrics.json`.
        provenance: What the export says about its origin.
        tflite: The exported int8 flatbuffer.
        num_classes: Width of the student's logits.
    """

    run_dir: Path
    metrics: dict[str, Any]
    provenance: dict[str, Any]
    tflite: bytes
    num_classes: int

    @classmethod
    def read(cls, run_dir: str | Path) -> "FinishedRun":
        """Reads a run.

        Args:
            run_dir: Its folder.

        Returns:
            The run.

        Raises:
            UserError: The run is not finished, or its flatbuffer is not the one it exported.
        """
        run_dir = Path(run_dir)
        manifest_path = run_dir / "export" / "manifest.json"
        for path in (run_dir / "metrics.json", manifest_path):
            if not path.is_file():
                raise UserError("A finished run has metrics.json and export/", "none", path)
        metrics = json.loads((run_dir / "metrics.json").read_text(encoding="utf-8"))
        manifest = json.loads(manifest_path.read_text(encoding="ascii"))
        model = manifest_path.with_name("student_int8.tflite")
        if not model.is_file() or file_sha256(model) != manifest["files"][model.name]:
            raise UserError("An export's files must be unchanged", "another hash", model)
        classes = len(manifest["class_names"])
        return cls(run_dir, metrics, manifest["provenance"], model.read_bytes(), classes)

    @property
    def inputs(self) -> InputSettings:
        """The preprocessing that the student was trained on."""
        return InputSettings(**self.provenance["settings"]["inputs"])

    def recorded_scores(self, form: str) -> dict[str, float] | None:
        """Returns what `metrics.json` says about the exported student.

        Args:
            form: `float`, `pruned` or `int8`.

        Returns:
            The scores of the exported seed, fractions 0..1; None where they pool several folds, of
            which the exported student saw one.
        """
        if len(self.metrics["folds"]) > 1:
            return None
        seed = self.metrics["seeds"].index(self.provenance["seed"])
        return {name: self.metrics["student"][form][name]["values"][seed] for name in SCORES}

    def weights_files(self, stages_dir: str | Path | None = None) -> dict[str, Path]:
        """Finds the exported student's Keras weights.

        Args:
            stages_dir: Where the run kept its stages; `RUN/stages` if None.

        Returns:
            Files by form, `float` and `pruned`; empty where the stages are elsewhere.
        """
        stages_dir = Path(stages_dir or self.run_dir / "stages")
        compressed = _stage_folder(stages_dir, self.provenance["stage_key"])
        if compressed is None:
            return {}
        made_by = json.loads((compressed / "stage.json").read_text(encoding="utf-8"))
        student = _stage_folder(stages_dir, made_by["inputs"]["student"])
        if student is None:
            return {}
        return {"float": student / "weights.npz", "pruned": compressed / "weights.npz"}

    def model_name(self, weights_file: Path) -> str:
        """Returns the name of the exported student's net, given its `float` weights' file."""
        made_by = json.loads(weights_file.with_name("stage.json").read_text(encoding="utf-8"))
        return made_by["settings"]["model"]


def _stage_folder(stages_dir: Path, key: str) -> Path | None:
    found = sorted(stages_dir.glob(f"*-{key[:12]}/result.json"))
    return found[0].parent if found else None
