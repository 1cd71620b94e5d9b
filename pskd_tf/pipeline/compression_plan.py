"""The candidates of a search for a small student."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from pskd_tf.compression.board_limits import BoardLimits
from pskd_tf.pipeline.compression_candidate import CompressionCandidate
from pskd_tf.pipeline.compression_planner import METHODS, CompressionPlanner
from pskd_tf.pipeline.compression_search import CompressionSearch
from pskd_tf.pipeline.fold_plan import FoldPlan
from pskd_tf.pipeline.plan_run import plan_run
from pskd_tf.pipeline.run_settings import RunSettings


@dataclass(frozen=True)
class CompressionPlan:
    """What a search compares and what it makes of the winner.

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
            settings: Of the run whose first seed's student is made small.
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
