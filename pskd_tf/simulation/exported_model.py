"""What a simulation must know of an export."""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from data_prep.fingerprint import file_sha256
from data_prep.user_error import UserError
from pskd_tf.simulation.decision import NO_SIGNAL, UNKNOWN

# What is compiled.
MODEL_FILES = ("model_settings.h", "plain_model.h", "plain_model.c")


@dataclass(frozen=True)
class ExportedModel:
    """The export of a run.

    Attributes:
        folder: Where its files lie.
        class_names: Label of each output.
        clip_mode: Whether it takes whole movements; else windows.
        window_seconds: From the first to the last sample of a window; 0 in clip mode.
        test_clips: Names of the clips held out in training.
        dataset_fingerprint: Of the prepared set that it learned from.
    """

    folder: Path
    class_names: tuple[str, ...]
    clip_mode: bool
    window_seconds: float
    test_clips: tuple[str, ...] = ()
    dataset_fingerprint: str = ""

    @classmethod
    def read(cls, run_dir: str | Path) -> "ExportedModel":
        """Reads a run's export.

        Args:
            run_dir: A finished run of pskd_tf.train.

        Returns:
            The export.

        Raises:
            UserError: There is none, it has no plain C, or a file is not the one it was made with.
        """
        folder = Path(run_dir) / "export"
        path = folder / "manifest.json"
        if not path.is_file():
            raise UserError("A finished run has an export", "no manifest.json", folder)
        manifest = json.loads(path.read_text(encoding="ascii"))
        for name in MODEL_FILES:
            if name not in manifest["files"] or not (folder / name).is_file():
                raise UserError("An export must hold the plain C model", f"no {name}", folder)
            if file_sha256(folder / name) != manifest["files"][name]:
                raise UserError(
                    "An export's files must be unchanged", "another hash", folder / name
                )
        text = (folder / "model_settings.h").read_text(encoding="ascii")
        values = dict(re.findall(r"^#define (PSKD_\w+) ([-+.\de]+)f?$", text, re.MULTILINE))
        clip_mode = values["PSKD_CLIP_MODE"] == "1"
        seconds = 0.0
        if not clip_mode:
            steps = int(values["PSKD_WINDOW_SAMPLES"]) - 1
            seconds = steps / float(values["PSKD_WINDOW_RATE_HZ"])
        provenance = manifest["provenance"]
        test_clips = tuple(provenance.get("test_clips", ()))
        fingerprint = provenance.get("dataset_fingerprint", "")
        names = tuple(manifest["class_names"])
        return cls(folder, names, clip_mode, seconds, test_clips, fingerprint)

    def label_of(self, activity: int) -> str:
        """Returns the name of what the core said: a class, "unknown" or "no signal"."""
        faults = {UNKNOWN: "unknown", NO_SIGNAL: "no signal"}
        return faults[activity] if activity in faults else self.class_names[activity]
