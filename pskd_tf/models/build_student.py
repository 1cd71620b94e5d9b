"""From a student's name to the built model, in either Keras."""

from types import ModuleType
from typing import Any

from data_prep.user_error import UserError
from pskd_tf.models.accelerometer_student import accelerometer_student
from pskd_tf.models.gmp_student import gmp_student
from pskd_tf.models.ign_student import ign_student

STUDENTS = ("accelerometer_student", "ign_student", "gmp_student")


def build_student(
    keras_module: ModuleType, model: str = "accelerometer_student", **builder_arguments: Any
) -> Any:
    """Builds one of the nets that read the accelerometer alone and fit a board.

    Args:
        keras_module: `keras` or `tf_keras`.
        model: One of `STUDENTS`.
        **builder_arguments: Keyword arguments of that builder; lists, as JSON has them, are taken
            for tuples.

    Returns:
        The functional model.

    Raises:
        UserError: The name is none of `STUDENTS`.
    """
    builders = dict(zip(STUDENTS, (accelerometer_student, ign_student, gmp_student), strict=True))
    if model not in builders:
        raise UserError(f"A student is one of {', '.join(STUDENTS)}", model)
    arguments = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in builder_arguments.items()
    }
    return builders[model](keras_module, **arguments)
