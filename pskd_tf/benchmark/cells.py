"""Cells of a benchmark: method x protocol x seed, planned, and picked by their results."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.files import json_sha256
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import REPEATED_SUBJECT_HALVES, ClipSplit
from data_prep.records import read_arrays
from pskd_tf.benchmark.results import CellRecord, guesses_text
from pskd_tf.method import FOREST, Method
from pskd_tf.pipeline.method_planner import MethodPlanner
from pskd_tf.pipeline.planner import StagePlanner, declare_score, subjects_label
from pskd_tf.pipeline.specs import ForestSpec, ScoreSpec
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.settings import RunSettings


@dataclass(frozen=True)
class Cell:
    """A small job with a record of its own.

    Attributes:
        method: Name of the method.
        trial: Which of the method's trials, from 0.
        protocol: `validation` or a protocol that scores test subjects.
        held_out: The subjects that are scored.
        teacher_outputs: As in `Method`.
        teacher_seed: Seed of the teachers; -1 without teachers.
        student_seed: Seed of the student.
        stage: What predicts the held-out clips; its result is the cell's.
    """

    method: str
    trial: int
    protocol: str
    held_out: tuple[str, ...]
    teacher_outputs: str
    teacher_seed: int
    student_seed: int
    stage: Stage[ForestSpec] | Stage[ScoreSpec]

    @property
    def key(self) -> str:
        """The cell's name in results: 16 digits of a hash over everything its result depends on."""
        made_of = {"stage": self.stage.key, "method": self.method}
        # A halving may be the data set's own split; it is a cell of both protocols then.
        if self.protocol == REPEATED_SUBJECT_HALVES:
            made_of["protocol"] = self.protocol
        return json_sha256(made_of)[:16]

    @property
    def fit(self) -> Stage[Any]:
        """The stage that trains."""
        spec = self.stage.spec
        return self.stage.input(spec.model) if isinstance(spec, ScoreSpec) else self.stage


class CellPlanner:
    """Declares cells whose teachers are shared: one chain for each fold and teacher seed.

    Args:
        settings: The recipe that all methods share: inputs, augmentation, lengths, optimiser, and
            how the chain of teachers is trained.
        prepared: The prepared set.
        protocol: Name of the protocol.
        splits: Its folds.
    """

    def __init__(
        self,
        settings: RunSettings,
        prepared: PreparedSet,
        protocol: str,
        splits: Sequence[ClipSplit],
    ):
        self.settings = settings
        self.protocol = protocol
        self.splits = list(splits)
        self.planner = StagePlanner(settings, prepared)
        self.methods = MethodPlanner(self.planner)
        self._scores: dict[str, Stage[ScoreSpec]] = {}

    def cells(
        self, method: Method, trial: int, student_seeds: Iterable[int], teacher_seeds: Iterable[int]
    ) -> list[Cell]:
        """Declares one cell for each fold and pair of seeds.

        Args:
            method: The method.
            trial: Which of its trials.
            student_seeds: Seeds of the students.
            teacher_seeds: Seeds of the teachers. A crossed method runs all pairs, others take
                teacher seeds in turn; without teachers they do not matter, and an ensemble is of
                all seeds of the settings, whatever is given here. Where the settings hide labels
                or accelerometers, each student seed is a draw of them, with teachers of the same
                seed.

        Returns:
            The cells.
        """
        teacher_seeds = list(teacher_seeds)
        pairs: list[tuple[int, int]] = []
        for position, seed in enumerate(student_seeds):
            if not method.teachers or method.teacher_outputs == "live_ensemble":
                pairs.append((-1, seed))
            elif self.settings.labels.hides or self.settings.virtual.hides:
                pairs.append((seed, seed))
            elif method.crossed:
                pairs += [(teacher_seed, seed) for teacher_seed in teacher_seeds]
            else:
                pairs.append((teacher_seeds[position % len(teacher_seeds)], seed))
        return [
            self._cell(method, trial, fold, teacher_seed, seed)
            for teacher_seed, seed in pairs
            for fold in range(len(self.splits))
        ]

    def _cell(self, method: Method, trial: int, fold: int, teacher_seed: int, seed: int) -> Cell:
        split = self.splits[fold]
        part = self.planner.parts.of_split(split, draw=seed)
        held_out = subjects_label(split.test_subjects)
        label = f"{method.name}-trial{trial}"
        stage: Stage[ForestSpec] | Stage[ScoreSpec]
        if method.model == FOREST:
            arguments = method.trials[trial]
            own = self.methods.part(method, part)
            spec = ForestSpec(self.planner.data, own, seed, split.test_clips, arguments)
            stage = Stage(f"{label}-s{seed}-of-{held_out}", spec)
        else:
            fit = f"{label}-t{teacher_seed}" if method.teachers else label
            fitted = self.methods.fit(method, trial, part, teacher_seed, seed, fit)
            name = f"score-{label}-of-{held_out}"
            score = declare_score(name, fitted, fitted, split.test_clips, "float")
            # Methods that are the same under these settings share it.
            stage = self._scores.setdefault(score.key, score)
        return Cell(
            method.name,
            trial,
            self.protocol,
            split.test_subjects,
            method.teacher_outputs,
            teacher_seed,
            seed,
            stage,
        )


def record_cell(cell: Cell, configuration: str, context: RunContext) -> CellRecord:
    """Reads what a cell's stages wrote.

    Args:
        cell: A finished cell.
        configuration: Hash of recipe, method and trial.
        context: Where results lie.

    Returns:
        The line.
    """
    scores, fitted = context.result(cell.stage), context.result(cell.fit)
    arrays = read_arrays(context.folder(cell.stage) / "predictions.npz", ("probabilities",))
    predicted = arrays["probabilities"].argmax(axis=1)
    return CellRecord(
        cell=cell.key,
        configuration=configuration,
        method=cell.method,
        trial=cell.trial,
        teacher_outputs=cell.teacher_outputs,
        protocol=cell.protocol,
        held_out="|".join(cell.held_out),
        teacher_seed=cell.teacher_seed,
        student_seed=cell.student_seed,
        parameters=fitted.get("parameters", 0),
        seconds=round(fitted["wall_seconds"], 1),
        accuracy=round(scores["accuracy"], 6),
        macro_f1=round(scores["macro_f1"], 6),
        wrist_actions_accuracy=round(scores["wrist_actions_accuracy"], 6),
        guesses=guesses_text(predicted),
    )


def pooled_accuracy(records: Iterable[CellRecord]) -> float:
    """Returns the share of right clips over the folds of one pair of seeds, 0..1."""
    right, clips = 0, 0
    for record in records:
        count = len(record.guesses) // 2
        right += round(record.accuracy * count)
        clips += count
    return right / clips


def pick_trial(trials: Sequence[Sequence[Cell]], records: dict[str, CellRecord]) -> int:
    """Returns the trial with the highest mean accuracy on left-out training subjects.

    Args:
        trials: The validation cells of each trial, all folds and the same seeds.
        records: Finished cells by key.

    Returns:
        Index of the trial; the first of equals.

    Raises:
        UserError: A cell is not finished.
    """
    return int(np.argmax([_mean(cells, records) for cells in trials]))


def _mean(cells: Iterable[Cell], records: dict[str, CellRecord]) -> float:
    by_seeds: dict[tuple[int, int], list[CellRecord]] = {}
    for cell in cells:
        if cell.key not in records:
            rule = "A trial is picked on validation first (--protocols=validation)"
            raise UserError(rule, f"no cell of {cell.method}, trial {cell.trial}")
        seeds = (cell.teacher_seed, cell.student_seed)
        by_seeds.setdefault(seeds, []).append(records[cell.key])
    return float(np.mean([pooled_accuracy(folds) for folds in by_seeds.values()]))
