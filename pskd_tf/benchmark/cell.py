"""One training of one method on one fold, as a board counts it."""

from dataclasses import dataclass

from data_prep.fingerprint import json_sha256
from pskd_tf.pipeline.stage import Stage


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
    stage: Stage

    @property
    def key(self) -> str:
        """The cell's name in results: 16 digits of a hash over everything its result depends on."""
        return json_sha256({"stage": self.stage.key, "method": self.method})[:16]

    @property
    def fit(self) -> Stage:
        """The stage that trains."""
        return self.stage.inputs.get("model", self.stage)
