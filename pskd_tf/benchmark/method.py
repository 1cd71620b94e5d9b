"""One row of a board: a way to train the student, and the settings it may choose from."""

from dataclasses import dataclass
from typing import Any

from data_prep.user_error import UserError
from pskd_tf.pipeline.run_settings import TEACHER_OUTPUTS, TEACHERS

FOREST = "random_forest"


@dataclass(frozen=True)
class Method:
    """A way to train, with the trials that validation picks from.

    Attributes:
        name: What results call it.
        title: What a board calls it.
        model: The net that is trained, or `random_forest`.
        loss: Its loss, by the name that `make_loss` knows; "" for a forest.
        trials: Arguments of the loss (or of the forest); one of them is picked on validation.
        teachers: Who teaches; nobody for a baseline.
        teacher_outputs: From `TEACHER_OUTPUTS`; "" without teachers.
        crossed: Whether test runs every student seed under every teacher seed, or each under one.
        most_seeds: Test runs at most so many student seeds.
        drop_one_teacher: Whether each batch is without one teacher (DGKD).

    Raises:
        UserError: A teacher or a kind of teacher outputs is unknown, or there is no trial.
    """

    name: str
    title: str
    loss: str
    trials: tuple[dict[str, Any], ...]
    model: str = "accelerometer_student"
    teachers: tuple[str, ...] = ()
    teacher_outputs: str = ""
    crossed: bool = False
    most_seeds: int = 10
    drop_one_teacher: bool = False

    def __post_init__(self) -> None:
        if not self.trials:
            raise UserError("A method needs at least one trial", f"none for {self.name}")
        unknown = [teacher for teacher in self.teachers if teacher not in TEACHERS]
        if unknown:
            raise UserError(f"The teachers of {self.name} are of {', '.join(TEACHERS)}", unknown[0])
        if bool(self.teachers) != (self.teacher_outputs in TEACHER_OUTPUTS):
            rule = f"teacher_outputs of {self.name} must be one of {', '.join(TEACHER_OUTPUTS)}"
            rule = rule if self.teachers else f"{self.name} has no teachers, so no teacher_outputs"
            raise UserError(rule, self.teacher_outputs or "nothing")
