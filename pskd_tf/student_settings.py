"""Which net the student is: one of the project's, or the user's own."""

from dataclasses import dataclass
from typing import Any

from data_prep.errors import UserError
from data_prep.records import later_field
from data_prep.settings import check_settings, setting

OWN_NET = "accelerometer_student"
STUDENTS = (OWN_NET, "ign_student", "gmp_student")
# The model's name in stages whose net the user wrote.
OWN_STUDENT = "own_student"
# The name of every student's input layer.
STUDENT_INPUT = "accelerometer"


@dataclass(frozen=True)
class ArchitectureLayer:
    """A layer of an own student.

    Attributes:
        kind: Name of its class in `keras.layers`.
        name: Its name.
        arguments: Arguments of the class, as JSON values; an initialiser is `[class, arguments]`.
        sources: Names of the layers whose outputs it reads; `STUDENT_INPUT` is the input.
    """

    kind: str
    name: str
    arguments: dict[str, Any]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Architecture:
    """The layers of an own student for one input and one number of classes.

    It is part of the keys of the stages that train the student, and all that they need of it.

    Attributes:
        layers: Each after those that it reads.
        logits: Name of the layer of the logits.
        embedding: Name of the layer of the embedding.
    """

    layers: tuple[ArchitectureLayer, ...]
    logits: str
    embedding: str


@dataclass(frozen=True)
class StudentSettings:
    """The student's net.

    Attributes:
        architecture: The layers of an own student, once its input and classes are known.
    """

    student: str = setting(
        OWN_NET,
        f"The student's net: {', '.join(STUDENTS)}, a function of student_module, or a file of a "
        "saved Keras model (.keras), whose architecture is trained anew.",
    )
    student_module: str = setting(
        "", "Python file with functions under @register_student; the file is run."
    )
    architecture: Architecture | None = later_field()

    def __post_init__(self) -> None:
        check_settings(self)
        named = self.student in STUDENTS or self.student.endswith(".keras")
        if named == bool(self.student_module):
            rule = (
                f"student must be one of {', '.join(STUDENTS)}, a saved Keras model (.keras), or "
                "the name of a function in a file (--student_module)"
            )
            module = f", --student_module={self.student_module}" if self.student_module else ""
            raise UserError(rule, f"--student={self.student}{module}")

    @property
    def is_own(self) -> bool:
        """Whether the user wrote the net."""
        return self.student not in STUDENTS

    @property
    def model(self) -> str:
        """The model's name in stages."""
        return OWN_STUDENT if self.is_own else self.student
