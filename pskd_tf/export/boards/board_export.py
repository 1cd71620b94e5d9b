"""The files of an export that a project takes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.fingerprint import file_sha256
from data_prep.user_error import UserError

_SHARED = ("model_settings.h", "golden_vectors.h")
_OF_RUNTIME = {
    "tflm": ("model_data.h", "model_data.cc", "op_resolver.h"),
    "plain_c": ("plain_model.h", "plain_model.c"),
}


@dataclass(frozen=True)
class BoardExport:
    """An export, checked against its manifest.

    Attributes:
        folder: Where its files lie.
        sha256: Of the manifest, which holds the SHA-256 of every file.
        manifest: What it says.
        file_names: The files for one runtime.
    """

    folder: Path
    sha256: str
    manifest: dict[str, Any]
    file_names: tuple[str, ...]

    @classmethod
    def read(cls, run_dir: str | Path, runtime: str) -> "BoardExport":
        """Reads a run's export.

        Args:
            run_dir: A finished run of pskd_tf.train.
            runtime: "tflm" or "plain_c".

        Returns:
            The export.

        Raises:
            UserError: There is none, a file is missing, or it is not the one it was made with.
        """
        folder = Path(run_dir) / "export"
        path = folder / "manifest.json"
        if not path.is_file():
            raise UserError("A finished run has an export", "no manifest.json", folder)
        manifest = json.loads(path.read_text(encoding="ascii"))
        names = (*_SHARED, *_OF_RUNTIME[runtime])
        for name in (*names, "student_int8.tflite"):
            if name not in manifest["files"] or not (folder / name).is_file():
                raise UserError("An export must be complete", f"no {name}", folder)
            if file_sha256(folder / name) != manifest["files"][name]:
                raise UserError(
                    "An export's files must be unchanged", "another hash", folder / name
                )
        return cls(folder, file_sha256(path), manifest, names)
