"""One declared step of a run, named by a hash of all that its result depends on, and where runs
read and write.
"""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.files import json_sha256, whole_file

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


def _ignore(epochs: int) -> None:
    del epochs


@dataclass(frozen=True)
class RunContext:
    """The folders of a run and how it reports.

    Attributes:
        prepared_dir: The prepared set.
        stages_dir: Results of stages, by name and key.
        run_dir: Log and TensorBoard files.
        record_every_epochs: Epochs from one epoch record to the next.
        strategy: How one training is spread over devices; see `device_strategy`.
        views_dir: Where trainings keep the views they draw for those after them; None keeps none.
        advance: Called with epochs as they are finished.
    """

    prepared_dir: Path
    stages_dir: Path
    run_dir: Path
    record_every_epochs: int = 10
    strategy: str = "none"
    views_dir: Path | None = None
    advance: Callable[[int], None] = _ignore

    def folder(self, stage: Stage) -> Path:
        """Returns the folder of a stage's result."""
        return stage.folder(self.stages_dir)

    def record(self, stage: Stage) -> Path:
        """Returns where a stage's epoch record lies while it lasts."""
        folder = self.folder(stage)
        return folder.with_name(f"{folder.name}.record.npz")

    def result(self, stage: Stage) -> dict:
        """Reads what a finished stage wrote about itself."""
        return json.loads((self.folder(stage) / "result.json").read_text(encoding="utf-8"))

    def log(self, message: str) -> None:
        """Appends one line to the run's log; lines of parallel workers never mix."""
        with open(self.run_dir / "log.txt", "a", encoding="utf-8") as stream:
            stream.write(message + "\n")


class SpokenContext(RunContext):
    """Repeats each line of the log on standard error, unless that is a terminal.

    Workers write whole lines, so lines of parallel stages never mix.
    """

    def log(self, message: str) -> None:
        """Appends one line to the run's log and shows it."""
        super().log(message)
        if not sys.stderr.isatty():
            print(message, file=sys.stderr, flush=True)


def save_weights(path: Path, weights: Sequence[np.ndarray]) -> None:
    """Writes weights in the order of `get_weights()`."""
    with whole_file(path) as temporary:
        np.savez(temporary, **{f"weight_{number:04d}": one for number, one in enumerate(weights)})


def load_weights(path: Path) -> list[np.ndarray]:
    """Reads weights in the order of `get_weights()`."""
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays.files)]


def link_known_stages(stages: Iterable[Stage], stages_dir: Path, sources: Iterable[Path]) -> int:
    """Links results of other folders of stages, found by their keys, whatever they are called.

    Args:
        stages: The stages whose results are wanted.
        stages_dir: Where they are looked for.
        sources: Folders of stages to take from; nothing is written there.

    Returns:
        How many links were made.
    """
    known: dict[str, Path] = {}
    for source in sources:
        for result in sorted(Path(source).glob("*/result.json")):
            known[result.parent.name[-12:]] = result.parent
    made = 0
    stages_dir.mkdir(parents=True, exist_ok=True)
    for stage in stages:
        folder = stage.folder(stages_dir)
        found = known.get(stage.key[:12])
        if found is not None and not folder.exists():
            folder.symlink_to(found.resolve(), target_is_directory=True)
            made += 1
    return made


# Core seconds, as seen on UTD-MHAD (431 clips): those of each stage, and of each epoch.
_FIXED = {"score": 1.0, "quantise": 14.0, "slim": 4.0, "compress": 12.0, "fit": 4.0}
_EPOCH = {"fit": 0.09, "slim": 0.09, "quantise": 0.25, "compress": 0.15}


def all_stages(wanted: Iterable[Stage]) -> list[Stage]:
    """Returns the wanted stages and all that they read, each once."""
    found: dict[str, Stage] = {}
    unseen = list(wanted)
    while unseen:
        stage = unseen.pop()
        if stage.key not in found:
            found[stage.key] = stage
            unseen += stage.inputs.values()
    return list(found.values())


def estimated_minutes(stage: Stage) -> float:
    """Guesses a stage's core minutes from its kind and its epochs."""
    epochs = stage.settings.get("training", stage.settings).get("epochs", 0)
    epochs *= stage.settings.get("cuts", 1)
    return (_FIXED.get(stage.kind, 5.0) + epochs * _EPOCH.get(stage.kind, 0.0)) / 60


def stages_summary(wanted: Iterable[Stage], stages_dir: Path) -> str:
    """Counts stages by kind, those whose results are there, and the core minutes still to spend.

    Args:
        wanted: The stages whose results are wanted.
        stages_dir: Where results of stages lie.

    Returns:
        Lines without a final newline; the minutes are a guess from the epochs, made on UTD-MHAD.
    """
    stages = all_stages(wanted)
    lines, minutes = [], 0.0
    for kind in sorted({stage.kind for stage in stages}):
        of_kind = [stage for stage in stages if stage.kind == kind]
        missing = [
            stage for stage in of_kind if not (stage.folder(stages_dir) / "result.json").exists()
        ]
        minutes += sum(estimated_minutes(stage) for stage in missing)
        there = len(of_kind) - len(missing)
        lines.append(f"{kind.replace('_', ' ')}: {len(of_kind)} stages, {there} there already")
    return "\n".join([*lines, f"about {minutes:.0f} core minutes to go"])
