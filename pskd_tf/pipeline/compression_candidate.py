"""One way to make a student small, declared on every fold and measured there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from data_prep.user_error import UserError
from pskd_tf.compression.board_limits import BoardCost, BoardLimits
from pskd_tf.compression.safety_limits import SafetyLimits
from pskd_tf.pipeline.compression_planner import CompressionPlanner
from pskd_tf.pipeline.pooled_guesses import PooledGuesses
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage


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
    quantised: tuple[Stage, ...]
    float_scores: tuple[Stage, ...]
    source_scores: tuple[Stage, ...]
    int8_scores: tuple[Stage, ...]

    @staticmethod
    def declare(
        name: str,
        limits: BoardLimits | None,
        method: str,
        students: Sequence[tuple[Stage, Sequence[str]]],
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
            source = student if limits is None else planner.slim(student, limits)
            stage = planner.quantise(student, source, method)
            quantised.append(stage)
            floats.append(planner.score(student, stage, clips, "weights.npz"))
            sources.append(planner.score(student, source, clips, "weights.npz"))
            ints.append(planner.score(student, stage, clips, "student_int8.tflite"))
        parts = (tuple(one) for one in (quantised, floats, sources, ints))
        return CompressionCandidate(name, limits, method, *parts)

    @property
    def scores(self) -> tuple[Stage, ...]:
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
