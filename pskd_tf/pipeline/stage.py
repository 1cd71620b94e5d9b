"""One declared step of a run, named by a hash of all that its result depends on, and the folders
that runs read and write.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from data_prep.files import json_sha256, whole_file
from data_prep.records import read_arrays, record_to_json
from pskd_tf.pipeline.specs import StageSpec
from pskd_tf.run_records import read_result, stage_damage

Spec = TypeVar("Spec", bound=StageSpec, covariant=True)


@cache
def installed_version(package: str) -> str:
    """Returns the version of an installed package, whose files are read once a process."""
    return metadata.version(package)


def package_versions(packages: Iterable[str]) -> dict[str, str]:
    """Returns the installed version of each package."""
    return {package: installed_version(package) for package in sorted(set(packages))}


@dataclass(frozen=True)
class Stage(Generic[Spec]):
    """A step with a result of its own in a folder of its own.

    Attributes:
        name: What a person reads: model, seed, part. Part of the folder's name, not of the key.
        spec: All that the result depends on.
        inputs: The stages whose keys the specification names.
    """

    name: str
    spec: Spec
    inputs: tuple["Stage[Any]", ...] = ()

    def __post_init__(self) -> None:
        if {one.key for one in self.inputs} != set(self.spec.inputs):
            raise ValueError(f"{self.name} names other inputs than it was given")

    @property
    def kind(self) -> str:
        """The kind of stage."""
        return self.spec.kind

    @cached_property
    def key(self) -> str:
        """SHA-256 of `record`."""
        return json_sha256(self.record())

    def record(self) -> dict[str, Any]:
        """Returns what the key is made of, as JSON values: the kind, the specification with the
        keys of its inputs, the version of the action and those of the packages it relies on.
        """
        return {
            "kind": self.kind,
            "spec": record_to_json(self.spec),
            "version": self.spec.version,
            "packages": package_versions(self.spec.packages),
        }

    def input(self, key: str) -> "Stage[Any]":
        """Returns the input of a key that the specification names."""
        return next(one for one in self.inputs if one.key == key)

    def folder(self, stages_dir: Path) -> Path:
        """Returns where the result lies once it is whole."""
        return stages_dir / f"{self.name}-{self.key[:12]}"


def _is_whole(folder: Path) -> bool:
    return (folder / "result.json").exists() and not stage_damage(folder)


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

    def folder(self, stage: Stage[Any]) -> Path:
        """Returns the folder of a stage's result."""
        return stage.folder(self.stages_dir)

    def record(self, stage: Stage[Any]) -> Path:
        """Returns where a stage's epoch record lies while it lasts."""
        folder = self.folder(stage)
        return folder.with_name(f"{folder.name}.record.npz")

    def is_done(self, stage: Stage[Any]) -> bool:
        """Returns whether the result of a stage is there, undamaged."""
        return _is_whole(self.folder(stage))

    def result(self, stage: Stage[Any]) -> dict[str, Any]:
        """Reads what a finished stage wrote about itself."""
        return read_result(self.folder(stage), stage.kind)

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
            # In one piece: `print` writes the line break by itself.
            sys.stderr.write(message + "\n")
            sys.stderr.flush()


def save_weights(path: Path, weights: Sequence[np.ndarray]) -> None:
    """Writes weights in the order of `get_weights()`."""
    save_arrays(path, {f"weight_{number:04d}": one for number, one in enumerate(weights)})


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Writes arrays by name, as `.npz`."""
    with whole_file(path) as temporary:
        np.savez(temporary, **arrays)


def load_weights(path: Path) -> list[np.ndarray]:
    """Reads weights in the order of `get_weights()`."""
    arrays = read_arrays(path)
    return [arrays[name] for name in sorted(arrays)]


def link_known_stages(
    stages: Iterable[Stage[Any]], stages_dir: Path, sources: Iterable[Path]
) -> int:
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


def all_stages(wanted: Iterable[Stage[Any]]) -> list[Stage[Any]]:
    """Returns the wanted stages and all that they read, each once.

    Args:
        wanted: The stages whose results are wanted, the most wanted first.

    Returns:
        Each stage after its inputs, and what the first wanted stage needs before the rest.

    Raises:
        ValueError: An input has another name than the same stage elsewhere, so that its result
            would be looked for where nobody writes it.
    """
    found: dict[str, Stage[Any]] = {}

    def visit(stage: Stage[Any]) -> None:
        if stage.key not in found:
            for one in stage.inputs:
                visit(one)
                if found[one.key].name != one.name:
                    raise ValueError(f"One stage, two names: {one.name}, {found[one.key].name}")
            found[stage.key] = stage

    for stage in wanted:
        visit(stage)
    return list(found.values())


# Core seconds, as seen on UTD-MHAD (431 clips): those of each stage, and of each epoch.
_FIXED = {"score": 1.0, "compare": 3.0, "quantise": 14.0, "slim": 4.0, "compress": 12.0, "fit": 4.0}
_EPOCH = {"fit": 0.09, "slim": 0.09, "quantise": 0.25, "compress": 0.15}


def estimated_minutes(stage: Stage[Any]) -> float:
    """Guesses a stage's core minutes from its kind and its epochs."""
    seconds = _FIXED.get(stage.kind, 5.0) + stage.spec.epochs * _EPOCH.get(stage.kind, 0.0)
    return float(seconds / 60)


def stages_summary(wanted: Iterable[Stage[Any]], stages_dir: Path) -> str:
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
        missing = [stage for stage in of_kind if not _is_whole(stage.folder(stages_dir))]
        minutes += sum(estimated_minutes(stage) for stage in missing)
        there = len(of_kind) - len(missing)
        lines.append(f"{kind.replace('_', ' ')}: {len(of_kind)} stages, {there} there already")
    return "\n".join([*lines, f"about {minutes:.0f} core minutes to go"])
