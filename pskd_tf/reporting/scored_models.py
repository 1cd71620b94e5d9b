"""The models and trainings of a run: their names, colours, scores and predictions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from pskd_tf.method import Method
from pskd_tf.pipeline.specs import FitSpec, LossSpec
from pskd_tf.reporting.charts import colour_of
from pskd_tf.reporting.tables import words
from pskd_tf.run import Run
from pskd_tf.stage_record import Predictions, StageRecord

SCORES = ("accuracy", "macro_f1", "wrist_actions_accuracy")
_BINS = 10
_BASELINE = "student, cross-entropy alone"


@dataclass(frozen=True)
class ScoredModel:
    """One row of the tables.

    Attributes:
        name: `teachers/<name>`, `baseline`, `students/<kind>`, `pruned` or `int8`.
        label: As the report writes it.
        seeds: The seeds it was trained with.
    """

    name: str
    label: str
    seeds: tuple[int, ...]

    @property
    def colour(self) -> str:
        """Its colour in every figure."""
        return colour_of(self.name)

    @property
    def keys(self) -> tuple[str, ...]:
        """What `Run.predictions` takes, one a seed."""
        return tuple(f"{self.name}/{seed}" for seed in self.seeds)

    def scores(self, run: Run) -> dict[str, Any]:
        """Returns its summaries from `metrics.json`."""
        metrics = run.metrics
        group, _, own = self.name.partition("/")
        scores: dict[str, Any]
        if group == "teachers":
            scores = metrics["teachers"][own]
        elif group == "students":
            scores = metrics["students_by_teacher_outputs"][own]
        elif group == "baseline":
            scores = metrics["baseline"]["cross_entropy"]
        else:
            scores = metrics["student"][group]
        return scores


def scored_models(run: Run) -> list[ScoredModel]:
    """Lists a run's models: the teachers in their order, the baseline, the students, compressed."""
    seeds = tuple(run.metrics["seeds"])
    named = [
        (f"teachers/{name}", words(name), tuple(run.metrics["teacher_seeds"]))
        for name in run.metrics["teachers"]
    ]
    named.append(("baseline", _BASELINE, seeds))
    for kind in run.metrics["students_by_teacher_outputs"]:
        named.append((f"students/{kind}", group_heading(f"students/{kind}", run), seeds))
    named.append(("pruned", "student, pruned", seeds))
    named.append(("int8", "student, int8", seeds))
    return [ScoredModel(*one) for one in named]


def training_group(run: Run, stage: StageRecord) -> str:
    """Returns which model a training belongs to, as `ScoredModel.name` has it."""
    if stage.kind == "compress":
        return "pruned"
    spec = stage.spec(FitSpec)
    student = run.settings.student.model
    if spec.teachers and spec.model == student:
        return f"students/{spec.teacher_outputs}"
    method = run.settings.method
    if method is not None and spec.model == student and _is_taught_by(method, spec):
        return f"students/{run.settings.teacher_outputs[0]}"
    return f"teachers/{spec.model}" if spec.model in run.metrics["teachers"] else "baseline"


def _is_taught_by(method: Method, spec: FitSpec) -> bool:
    """Whether a training without teachers is the student's of a method."""
    own = spec.loss == LossSpec(method.loss, method.trials[0])
    return own or spec.pretrained is not None


def group_heading(name: str, run: Run) -> str:
    """Returns what a group of trainings is called."""
    group, _, own = name.partition("/")
    if group == "students" and run.settings.method is not None:
        return f"student, {run.settings.method.title}"
    if group == "students":
        return f"student, {words(own)} teachers"
    if group == "baseline":
        return _BASELINE
    return "pruning of the student" if group == "pruned" else words(own or group)


def pooled_confusion(run: Run, model: ScoredModel) -> np.ndarray:
    """Counts a model's predictions over all folds and seeds.

    Args:
        run: The run.
        model: One of its models.

    Returns:
        `(classes, classes)`, rows the true class, columns the predicted class.
    """
    classes = np.arange(len(run.class_names))
    parts = [run.predictions(key) for key in model.keys]
    counts = [confusion_matrix(part.labels, part.guesses, labels=classes) for part in parts]
    return np.asarray(np.sum(counts, axis=0))


def reliability_bins(parts: list[Predictions]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorts predictions into ten bins of equal width by confidence.

    Args:
        parts: Predictions of one model, one a seed.

    Returns:
        Mean confidence, accuracy and number of predictions of each bin, `(10,)` each; zeros where
        a bin is empty.
    """
    confidence = np.concatenate([part.probabilities.max(axis=1) for part in parts])
    right = np.concatenate([part.right for part in parts])
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS).astype(float)
    divisor = np.maximum(counts, 1)
    sums = [np.bincount(bins, weights=values, minlength=_BINS) for values in (confidence, right)]
    return sums[0] / divisor, sums[1] / divisor, counts


def calibration_error(confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray) -> float:
    """Returns the expected calibration error: |accuracy - confidence|, weighted by predictions.

    Source: Naeini, Cooper, Hauskrecht, AAAI 2015; Guo et al., ICML 2017.
    """
    return float(np.sum(counts * np.abs(accuracy - confidence)) / np.sum(counts))
