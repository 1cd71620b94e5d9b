"""What a run's `metrics.json` must hold."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from data_prep.errors import UserError
from data_prep.records import check_fields, read_json_object
from pskd_tf.run_records import TRAIN_AGAIN, Finite, FolderName, Key, Model, Seconds, Share


@dataclass(frozen=True)
class Summary:
    """A score over seeds: mean, sample standard deviation and the values, fractions 0..1."""

    mean: Share
    std: Share
    values: tuple[Share, ...]


@dataclass(frozen=True)
class Scores:
    """The scores of one model."""

    accuracy: Summary
    macro_f1: Summary
    wrist_actions_accuracy: Summary

    def check_count(self, count: int, name: str) -> None:
        """Refuses another number of values than there are seeds."""
        for one in (self.accuracy, self.macro_f1, self.wrist_actions_accuracy):
            if len(one.values) != count:
                raise UserError(f"{name} must have a value for each seed", len(one.values))


@dataclass(frozen=True)
class _Difference:
    mean: Finite
    std: Finite
    values: tuple[Finite, ...]


@dataclass(frozen=True)
class _Fold:
    train_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]


@dataclass(frozen=True)
class _Student:
    float: Scores
    pruned: Scores
    int8: Scores


@dataclass(frozen=True)
class _Baseline:
    cross_entropy: Scores


@dataclass(frozen=True)
class _Selection:
    selection: dict[str, dict[str, Finite]]


@dataclass(frozen=True)
class _Guess:
    right: Finite
    confidence: Finite


@dataclass(frozen=True)
class LabelFigures:
    """What `label_figures` gives."""

    clips: int
    labelled: int
    target: Literal["mean", "fusion", "most_confident", "acs", "method", "none"]
    guesses: dict[str, dict[str, _Guess]]


@dataclass(frozen=True)
class MethodFigures:
    """What `metrics.json` says of a method other than the default."""

    name: str
    title: str
    loss: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class MetricsContent:
    """What is read of a run's `metrics.json`; `collect_metrics` says what it holds."""

    dataset: str
    dataset_is_synthetic: bool
    protocol: str
    train_subjects: tuple[str, ...]
    test_subjects: tuple[str, ...]
    folds: tuple[_Fold, ...]
    seeds: tuple[int, ...]
    teacher_seeds: tuple[int, ...]
    teachers: dict[str, Scores]
    student: _Student
    students_by_teacher_outputs: dict[str, Scores]
    baseline: _Baseline
    paired_difference: _Difference
    acs: _Selection
    model: Model
    wall_seconds: dict[FolderName, Seconds]
    versions: dict[str, str]
    leaks_subjects: bool = False
    # Only where labels are missing.
    labels: LabelFigures | None = None
    # Only with --method.
    method: MethodFigures | None = None
    # Runs of older versions lack these two.
    splits_sha256: Key | None = None
    run_key: Key | None = None

    def __post_init__(self) -> None:
        if not (self.folds and self.seeds and self.teacher_seeds):
            raise UserError("folds, seeds and teacher_seeds must not be empty", "nothing")
        students = {
            "the float student": self.student.float,
            "the pruned student": self.student.pruned,
            "the int8 student": self.student.int8,
            "the baseline": self.baseline.cross_entropy,
            **self.students_by_teacher_outputs,
        }
        for name, scores in students.items():
            scores.check_count(len(self.seeds), name)
        for name, scores in self.teachers.items():
            scores.check_count(len(self.teacher_seeds), name)
        if len(self.paired_difference.values) != len(self.seeds):
            received = len(self.paired_difference.values)
            raise UserError("paired_difference must have a value for each seed", received)


def read_metrics(path: Path) -> dict[str, Any]:
    """Reads a run's `metrics.json`.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        UserError: The file is missing or damaged, or lacks a value that is read.
    """
    rule = f"A finished run of pskd_tf.train has metrics.json and export/; {TRAIN_AGAIN}"
    values: dict[str, Any] = read_json_object(path, rule)
    try:
        check_fields(MetricsContent, values, path)
    except UserError as error:
        rule = f"metrics.json must be as pskd_tf.train wrote it; {TRAIN_AGAIN}"
        raise UserError(rule, error.reason, path) from error
    return values
