"""One declared step of a run, named by a hash of all that its result depends on."""

from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from data_prep.fingerprint import json_sha256

# Raised when a stage's code changes what it makes from the same settings.
RESULT_VERSION = 1
_PACKAGES = ("tensorflow", "keras", "tf-keras", "numpy", "tensorflow-model-optimization")


@dataclass(frozen=True)
class Stage:
    """A step with a result of its own in a folder of its own.

    Attributes:
        kind: What is done, by a name that `run_stage` knows, such as `fit` or `score`.
        name: What a person reads: model, seed, part. Part of the folder's name, not of the key.
        settings: JSON values that the result depends on.
        inputs: Earlier stages whose results are read, by role.
    """

    kind: str
    name: str
    settings: dict[str, Any]
    inputs: dict[str, "Stage"] = field(default_factory=dict)

    @cached_property
    def key(self) -> str:
        """SHA-256 over kind, settings, versions and the keys of the inputs."""
        return json_sha256(
            {
                "kind": self.kind,
                "settings": self.settings,
                "inputs": {role: stage.key for role, stage in self.inputs.items()},
                "result_version": RESULT_VERSION,
                "versions": {package: metadata.version(package) for package in _PACKAGES},
            }
        )

    def folder(self, stages_dir: Path) -> Path:
        """Returns where the result lies once it is whole."""
        return stages_dir / f"{self.name}-{self.key[:12]}"
