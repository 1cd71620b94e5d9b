"""What is kept of a finished cell: one line of a results file."""

from dataclasses import dataclass

import numpy as np

from data_prep.user_error import UserError

_HIGHEST_CLASS = 255


@dataclass(frozen=True)
class CellRecord:
    """One line; every figure of a board can be computed again from these and `clips.csv`.

    Attributes:
        cell: The cell's key.
        configuration: Hash of recipe, method and trial, without seeds.
        method: Name of the method.
        trial: Which of its trials.
        teacher_outputs: Kind of teacher outputs; "" without teachers.
        protocol: `validation` or a protocol that scores test subjects.
        held_out: The scored subjects, separated by bars.
        teacher_seed: Seed of the teachers; -1 without.
        student_seed: Seed of the student.
        parameters: Weights of the net; 0 for a forest.
        seconds: Wall time of the training, in s.
        accuracy: Share of right clips, 0..1.
        macro_f1: Mean F1 over the fold's classes, 0..1.
        wrist_actions_accuracy: The same share over clips with the sensor at the wrist.
        guesses: Two hexadecimal digits a clip: the predicted class of each held-out clip, in the
            order of `clips.csv`.
    """

    cell: str
    configuration: str
    method: str
    trial: int
    teacher_outputs: str
    protocol: str
    held_out: str
    teacher_seed: int
    student_seed: int
    parameters: int
    seconds: float
    accuracy: float
    macro_f1: float
    wrist_actions_accuracy: float
    guesses: str

    @property
    def predicted(self) -> np.ndarray:
        """`(clips,)` predicted class indices."""
        return np.frombuffer(bytes.fromhex(self.guesses), np.uint8).astype(int)


def guesses_text(predicted: np.ndarray) -> str:
    """Returns class indices `(clips,)` as two hexadecimal digits each.

    Raises:
        UserError: A class index needs more than two digits.
    """
    if predicted.max(initial=0) > _HIGHEST_CLASS:
        rule = f"Results hold up to {_HIGHEST_CLASS + 1} classes"
        raise UserError(rule, f"class {predicted.max()}")
    return predicted.astype(np.uint8).tobytes().hex()
