"""The search for a student that fits a board."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.records import read_arrays
from pskd_tf.compression.cost import BoardCost, BoardLimits, SafetyLimits
from pskd_tf.pipeline.plan import FoldPlan, plan_run
from pskd_tf.pipeline.planner import declare_score
from pskd_tf.pipeline.specs import FitSpec, QuantiseSpec, ScoreSpec, SlimSpec
from pskd_tf.pipeline.stage import RunContext, Stage
from pskd_tf.settings import CompressionSearch, RunSettings

METHODS = ("ptq", "qat")


@dataclass(frozen=True)
class PooledGuesses:
    """Predictions of all folds, one after the other.

    Attributes:
        labels: `(clips,)` true classes.
        guesses: `(clips,)` predicted classes.
    """

    labels: np.ndarray
    guesses: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share of right guesses, 0..1."""
        return float(np.mean(self.labels == self.guesses))

    @staticmethod
    def read(folders: Sequence[Path]) -> "PooledGuesses":
        """Reads the predictions of finished score stages.

        Args:
            folders: Their results' folders, in the order of the folds.

        Returns:
            The predictions, pooled.
        """
        labels, guesses = [], []
        for folder in folders:
            arrays = read_arrays(folder / "predictions.npz", ("labels", "probabilities"))
            labels.append(arrays["labels"])
            guesses.append(arrays["probabilities"].argmax(axis=1))
        return PooledGuesses(np.concatenate(labels), np.concatenate(guesses))


class CompressionPlanner:
    """Declares the stages that cut, quantise and score students.

    Args:
        search: Settings of the search.
    """

    def __init__(self, search: CompressionSearch):
        self.search = search

    def slim(self, student: Stage[FitSpec], limits: BoardLimits, **changes: Any) -> Stage[SlimSpec]:
        """Declares the cut of a student to a board's limits.

        Args:
            student: A fit stage.
            limits: What the board allows.
            **changes: Fields of the specification other than the search's.
        """
        measured = self.quantise(student, student, "ptq")
        spec = SlimSpec(
            student=student.key,
            measured=measured.key,
            limits=limits,
            cuts=self.search.cuts,
            importance=self.search.importance,
            epochs_per_cut=self.search.slim_epochs,
            learning_rate=self.search.slim_learning_rate,
            distil=self.search.distil,
        )
        spec = dataclasses.replace(spec, **changes)
        return Stage(f"slim-{_name(student)}", spec, (student, measured))

    def quantise(
        self, student: Stage[FitSpec], source: Stage[Any], method: str, **changes: Any
    ) -> Stage[QuantiseSpec]:
        """Declares the conversion of a student to int8.

        Args:
            student: The fit stage with the teachers.
            source: The stage that wrote the weights.
            method: `ptq`: after training, or `qat`: by training.
            **changes: Fields of the specification other than the search's.
        """
        spec = QuantiseSpec(
            student=student.key,
            source=source.key,
            method=method,
            calibration_clips=self.search.calibration_clips,
            calibration_seed=student.spec.seed,
        )
        if method == "qat":
            spec = dataclasses.replace(
                spec,
                head="convolution",
                training_epochs=self.search.qat_epochs,
                learning_rate=self.search.qat_learning_rate,
                distil=self.search.distil,
            )
        spec = dataclasses.replace(spec, **changes)
        inputs = (student,) if source.key == student.key else (student, source)
        return Stage(f"{method}-{_name(source)}", spec, inputs)

    def score(
        self, student: Stage[FitSpec], source: Stage[Any], clips: Sequence[str], form: str
    ) -> Stage[ScoreSpec]:
        """Declares the scoring of a stage's weights or flatbuffer.

        Args:
            student: The fit stage with the inputs of the net.
            source: The stage that wrote the file.
            clips: Names of the clips to score.
            form: `float` or `int8`.
        """
        return declare_score(f"score-{form}-{_name(source)}", student, source, clips, form)


def _name(stage: Stage[Any]) -> str:
    """A stage's own name without the part of its inputs, short enough for a file system."""
    return stage.name[-80:].lstrip("-")


@dataclass(frozen=True)
class CompressionCandidate:
    """A cut and a method of quantisation.

    Attributes:
        name: What a person reads.
        limits: What the student is cut to; None where it is not cut.
        method: `ptq` or `qat`.
        quantised: The quantise stage of each fold.
        float_scores: Score stages of the float weights that were quantised.
        source_scores: Score stages of the student before quantisation, cut or not.
        int8_scores: Score stages of the flatbuffers.
    """

    name: str
    limits: BoardLimits | None
    method: str
    quantised: tuple[Stage[QuantiseSpec], ...]
    float_scores: tuple[Stage[ScoreSpec], ...]
    source_scores: tuple[Stage[ScoreSpec], ...]
    int8_scores: tuple[Stage[ScoreSpec], ...]

    @staticmethod
    def declare(
        name: str,
        limits: BoardLimits | None,
        method: str,
        students: Sequence[tuple[Stage[FitSpec], Sequence[str]]],
        planner: CompressionPlanner,
    ) -> "CompressionCandidate":
        """Declares a candidate's stages; nothing is computed.

        Args:
            name: What a person reads.
            limits: What the student is cut to; None for no cut.
            method: `ptq` or `qat`.
            students: By fold, the fit stage and the names of the held-out clips.
            planner: Declares the stages.
        """
        quantised, floats, sources, ints = [], [], [], []
        for student, clips in students:
            source: Stage[Any] = student if limits is None else planner.slim(student, limits)
            stage = planner.quantise(student, source, method)
            quantised.append(stage)
            floats.append(planner.score(student, stage, clips, "float"))
            sources.append(planner.score(student, source, clips, "float"))
            ints.append(planner.score(student, stage, clips, "int8"))
        return CompressionCandidate(
            name, limits, method, tuple(quantised), tuple(floats), tuple(sources), tuple(ints)
        )

    @property
    def scores(self) -> tuple[Stage[ScoreSpec], ...]:
        """All stages that must be done before `measure`."""
        return (*self.float_scores, *self.source_scores, *self.int8_scores)

    def measure(
        self, context: RunContext, allowed: BoardLimits, safety: SafetyLimits
    ) -> dict[str, Any]:
        """Reads what the candidate reached over all folds.

        Args:
            context: Where results lie.
            allowed: The board's limits; a candidate over them is refused.
            safety: What int8 must meet; a candidate that does not is refused.

        Returns:
            JSON values: cost (the largest of the folds), accuracies 0..1, agreement, least signal
            to noise, and `refused`, the cause or None.
        """
        results = [context.result(stage) for stage in self.quantised]
        cost = BoardCost(
            max(one["flatbuffer_bytes"] for one in results),
            max(one["arena_bytes"] for one in results),
            max(one["macs"] for one in results),
        )
        floats, sources, ints = (
            PooledGuesses.read([context.folder(one) for one in stages])
            for stages in (self.float_scores, self.source_scores, self.int8_scores)
        )
        agreement = float((floats.guesses == ints.guesses).mean())
        refused = None
        try:
            over = allowed.excess(cost)
            if over:
                listed = ", ".join(f"{name} by {size}" for name, size in over.items())
                raise UserError("The int8 student must fit the board", f"{listed} over")
            safety.check_agreement(floats.guesses, ints.guesses)
            for one in results:
                safety.check_noise(one["snr_db"])
        except UserError as error:
            refused = str(error)
        return {
            "name": self.name,
            "method": self.method,
            "flash_bytes": cost.flash_bytes,
            "gzip_bytes": max(one["gzip_bytes"] for one in results),
            "arena_bytes": cost.arena_bytes,
            "macs": cost.macs,
            "float_accuracy": sources.accuracy,
            "int8_accuracy": ints.accuracy,
            "agreement": agreement,
            "least_snr_db": min(min(one["snr_db"].values()) for one in results),
            "refused": refused,
        }


@dataclass(frozen=True)
class CompressionPlan:
    """The candidates of a search, and the stages of the one that is picked.

    Attributes:
        candidates: Declared on the validation folds (each training subject left out, in turn).
        folds: Those folds.
        final: The fold that trains on all training subjects and scores the test subjects.
        seed: The student's seed.
        planner: Declares the stages.
    """

    candidates: tuple[CompressionCandidate, ...]
    folds: tuple[FoldPlan, ...]
    final: FoldPlan
    seed: int
    planner: CompressionPlanner

    @staticmethod
    def make(
        settings: RunSettings,
        prepared: PreparedSet,
        search: CompressionSearch,
        limits: Sequence[BoardLimits],
    ) -> "CompressionPlan":
        """Declares every candidate: no cut and a cut to each of the limits, by each method.

        Args:
            settings: Settings of the run; the student of its first seed is compressed.
            prepared: The prepared set.
            search: How students are cut and quantised.
            limits: What students are cut to.

        Returns:
            The plan; nothing is computed.

        Raises:
            UserError: The run's protocol has no training subjects to leave out.
        """
        if settings.protocol not in ("cross_subject", "validation"):
            rule = "compress takes a run of the protocol cross_subject or validation"
            raise UserError(rule, settings.protocol)
        one_seed = dataclasses.replace(
            settings,
            seeds=settings.seeds[:1],
            teacher_outputs=settings.teacher_outputs[:1],
        )
        folds = plan_run(dataclasses.replace(one_seed, protocol="validation"), prepared)
        (final,) = plan_run(dataclasses.replace(one_seed, protocol="cross_subject"), prepared)
        seed, kind = settings.seeds[0], settings.teacher_outputs[0]
        students = [(fold.students[kind][seed], fold.split.test_clips) for fold in folds]
        planner = CompressionPlanner(search)
        named = [("not cut", None), *((_label(one), one) for one in limits)]
        candidates = tuple(
            CompressionCandidate.declare(name, one, method, students, planner)
            for name, one in named
            for method in METHODS
        )
        return CompressionPlan(candidates, tuple(folds), final, seed, planner)

    def final_candidate(self, limits: BoardLimits | None, method: str) -> CompressionCandidate:
        """Declares a candidate on the fold of all training subjects.

        Args:
            limits: What the student is cut to; None for no cut.
            method: `ptq` or `qat`.
        """
        (kind,) = self.final.students
        student = self.final.students[kind][self.seed]
        return CompressionCandidate.declare(
            "final", limits, method, [(student, self.final.split.test_clips)], self.planner
        )


def _label(limits: BoardLimits) -> str:
    parts = []
    if limits.flash_bytes is not None:
        parts.append(f"{limits.flash_bytes / 1024:g} kB flash")
    if limits.arena_bytes is not None:
        parts.append(f"{limits.arena_bytes / 1024:g} kB arena")
    if limits.macs is not None:
        parts.append(f"{limits.macs:,} MACs")
    return f"cut to {', '.join(parts)}"
