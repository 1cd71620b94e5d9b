"""What the files of a run must hold, and the hashes that are kept of them.

`run.json` names the run to which a folder belongs, by its key, and the hashes of its finished
files. Each stage keeps the hashes of its own files in `files.json`.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from data_prep.errors import UserError
from data_prep.files import check_sha256, file_sha256
from data_prep.records import FileName, check_fields, read_json_object, read_record, write_record

TRAIN_AGAIN = "the same command of pskd_tf.train makes it again"
# Rises when the files of a run change so that this version cannot read those of before.
RUN_FORMAT = 1

Key = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Finite = Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**53)]
Seconds = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
FolderName = Annotated[str, Field(pattern=r"^[^/\\\x00]+$")]


@dataclass(frozen=True)
class RunRecord:
    """The content of `run.json`.

    Attributes:
        run_key: The key of the run to which the folder belongs; see `run_key`.
        files: SHA-256 of each finished file, by its path in the folder. While a run's figures and
            its export are not there yet, they are not listed.
        run_format: Version of the files of a run.
    """

    run_key: Key
    files: dict[FileName, Key] = field(default_factory=dict)
    run_format: int = RUN_FORMAT


def read_run_record(run_dir: Path) -> RunRecord | None:
    """Reads `run.json`.

    Args:
        run_dir: The run's folder.

    Returns:
        The record; None where there is none, as beside copied figures.

    Raises:
        UserError: The file is damaged, or of another version of the files of a run.
    """
    path = run_dir / "run.json"
    if not path.exists():
        return None
    check_run_format(run_dir)
    try:
        return read_record(RunRecord, path)
    except UserError as error:
        rule = "run.json must be as it was written; remove it, and the same command writes it again"
        raise UserError(rule, error.reason, path) from error


def check_run_format(run_dir: Path) -> None:
    """Refuses a run whose files are of another version; it is not damaged.

    Args:
        run_dir: The run's folder.

    Raises:
        UserError: `run.json` says so.
    """
    path = run_dir / "run.json"
    try:
        kept = read_json_object(path).get("run_format", RUN_FORMAT)
    except UserError:  # none, or a damaged one
        return
    if isinstance(kept, int) and kept != RUN_FORMAT:
        rule = f"This version of pskd_tf reads runs of format {RUN_FORMAT}; take the version that "
        raise UserError(f"{rule}made the run, or train it again in a new folder", kept, path)


def publish(run_dir: Path, names: Iterable[str], run_key: str | None = None) -> None:
    """Adds the hashes of finished files to `run.json`.

    Args:
        run_dir: The run's folder.
        names: Paths of the files in the folder.
        run_key: Key of the run, where the record is new; else nothing is added without a record.
    """
    record = read_run_record(run_dir)
    if record is None and run_key is not None:
        record = RunRecord(run_key)
    if record is not None:
        files = record.files | {name: file_sha256(run_dir / name) for name in names}
        write_record(run_dir / "run.json", dataclasses.replace(record, files=files))


def withdraw(run_dir: Path, names: Iterable[str]) -> None:
    """Takes files that are to be written again out of `run.json`."""
    record, gone = read_run_record(run_dir), set(names)
    if record is not None and gone & set(record.files):
        files = {name: value for name, value in record.files.items() if name not in gone}
        write_record(run_dir / "run.json", dataclasses.replace(record, files=files))


def published_file(run_dir: Path, name: str, heals: str = TRAIN_AGAIN) -> Path:
    """Returns a file of a run after a look at its hash.

    Args:
        run_dir: The run's folder.
        name: Path of the file in the folder.
        heals: What makes the file again, for the error.

    Returns:
        Its path.

    Raises:
        UserError: The run is not finished, or the file is not the one that was written.
    """
    record = read_run_record(run_dir)
    if record is not None and name not in record.files:
        rule = "A run must be finished; the same command of pskd_tf.train resumes it"
        raise UserError(rule, f"no {name} in run.json", run_dir)
    if record is not None:
        check_sha256(run_dir / name, record.files[name], f"A {name} must be as written; {heals}")
    return run_dir / name


def optional_file(run_dir: Path, name: str, heals: str) -> Path | None:
    """Returns a file that a further command adds to a run, after a look at its hash.

    Args:
        run_dir: The run's folder.
        name: Path of the file in the folder.
        heals: What makes the file again, for the error.

    Returns:
        Its path; None where it is not there.

    Raises:
        UserError: The file is not the one that was written.
    """
    path, record = run_dir / name, read_run_record(run_dir)
    if not path.exists():
        return None
    if record is not None and name in record.files:
        check_sha256(path, record.files[name], f"A {name} must be as written; {heals}")
    return path


@dataclass(frozen=True)
class StageFiles:
    """The content of a stage's `files.json`: SHA-256 of its other files, by name."""

    files: dict[FileName, Key]


def keep_stage_hashes(folder: Path) -> None:
    """Writes `files.json` beside the files of a stage."""
    hashes = {path.name: file_sha256(path) for path in sorted(folder.iterdir()) if path.is_file()}
    write_record(folder / "files.json", StageFiles(hashes))


def check_stage(folder: Path) -> None:
    """Refuses a stage of which a file is missing or is not the one that was written.

    Args:
        folder: The stage's folder. One without `files.json`, of an older version, needs a
            `result.json` that can be read.

    Raises:
        UserError: Names the file.
    """
    for error in stage_damage(folder):
        raise error


def stage_damage(folder: Path) -> list[UserError]:
    """Returns an error for each damaged file of a stage; see `check_stage`."""
    kept = folder / "files.json"
    rule = f"A stage's files must be as written; {TRAIN_AGAIN}"
    try:
        if not kept.exists():
            read_json_object(folder / "result.json", rule, finite=False)
            return []
        files = read_record(StageFiles, kept).files
    except UserError as error:
        return [UserError(rule, error.received, error.path)]
    return damaged_files(folder, files, rule)


def damaged_files(folder: Path, hashes: dict[str, str], rule: str) -> list[UserError]:
    """Returns an error for each file that is missing or is not the one that was written.

    Args:
        folder: Where the files lie.
        hashes: Their kept SHA-256, by path in the folder.
        rule: What each error says.
    """
    found = []
    for name, value in sorted(hashes.items()):
        try:
            check_sha256(folder / name, value, rule)
        except UserError as error:
            found.append(error)
    return found


@dataclass(frozen=True)
class StageContent:
    """The content of a stage's `stage.json`.

    Attributes:
        key: SHA-256 of the rest.
        kind: `fit`, `teacher_outputs`, `compress`, `score` and so on.
        spec: The specification, as JSON values.
        version: Version of the kind's action.
        packages: Versions of the packages on which the result depends.
    """

    key: Key
    kind: str
    spec: dict[str, Any]
    version: int
    packages: dict[str, str]


@dataclass(frozen=True)
class _Result:
    wall_seconds: Seconds


@dataclass(frozen=True)
class _FitResult(_Result):
    parameters: Count
    followed: dict[str, Finite]


@dataclass(frozen=True)
class _OutputsResult(_Result):
    accuracy: dict[str, Share]
    any_right: Share


@dataclass(frozen=True)
class _ScoreResult(_Result):
    accuracy: Share
    macro_f1: Share
    wrist_actions_accuracy: Share


@dataclass(frozen=True)
class Model:
    """Sizes of a student."""

    parameters: Count
    macs: Count
    sparsity: dict[str, Share]
    flatbuffer_bytes: Count
    arena_bytes: Count


@dataclass(frozen=True)
class _CompressResult(Model, _Result):
    pass


@dataclass(frozen=True)
class _SlimResult(_Result):
    builder_arguments: dict[str, Any]
    estimated: dict[str, Any]
    parameters: Count
    macs: Count


@dataclass(frozen=True)
class _QuantiseResult(Model, _Result):
    builder_arguments: dict[str, Any]
    gzip_bytes: Count
    arena: dict[str, Any]
    operators: tuple[str, ...]
    snr_db: dict[str, float]


@dataclass(frozen=True)
class _FormScores:
    accuracy: Share
    macro_f1: Share


@dataclass(frozen=True)
class _CompareResult(_Result):
    float: _FormScores
    pruned: _FormScores
    int8: _FormScores


@dataclass(frozen=True)
class _StreamResult(_Result):
    hours: dict[str, Seconds]
    distinct_hours: dict[str, Seconds]
    decisions: dict[str, Count]


_RESULTS: dict[str, type[_Result]] = {
    "fit": _FitResult,
    "forest": _ScoreResult,
    "teacher_outputs": _OutputsResult,
    "compress": _CompressResult,
    "slim": _SlimResult,
    "quantise": _QuantiseResult,
    "score": _ScoreResult,
    "compare": _CompareResult,
    "stream_score": _StreamResult,
}


def read_result(folder: Path, kind: str) -> dict[str, Any]:
    """Reads what a finished stage wrote about itself.

    Args:
        folder: The stage's folder.
        kind: Kind of the stage.

    Returns:
        The content of `result.json`.

    Raises:
        UserError: The file is missing or damaged, or lacks a value that is read.
    """
    path = folder / "result.json"
    rule = "A stage's result.json must be as written; remove its folder and give the command again"
    values: dict[str, Any] = read_json_object(path, rule, finite=False)
    try:
        check_fields(_RESULTS[kind], values, path)
    except UserError as error:
        raise UserError(rule, error.reason, path) from error
    return values
