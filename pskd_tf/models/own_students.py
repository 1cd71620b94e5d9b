"""A user's own student: a registered function of a Python file, or a saved Keras model."""

import json
import runpy
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from data_prep.errors import UserError
from pskd_tf.models.architecture import read_architecture
from pskd_tf.student_settings import Architecture, StudentSettings

Builder = TypeVar("Builder", bound=Callable[..., Any])

# The attribute that marks a function; a mark needs no list that modules share.
_MARK = "pskd_student"
_LARGEST_CONFIGURATION_BYTES = 16 << 20


def register_student(builder: Builder) -> Builder:
    """Marks a function as the builder of a student, for `--student_module` and `--student`.

    Args:
        builder: A function of `(keras_module, *, input_shape, num_classes)` that returns a
            functional or Sequential model: input `(steps, 1, channels)`, which `input_shape` is,
            or `(steps, channels)`; output the logits `(batch, num_classes)`, or
            `{"logits": ..., "embedding": (batch, width)}`.

    Returns:
        The function itself.

    Example:
        from pskd_tf import register_student

        @register_student
        def my_net(keras, *, input_shape, num_classes):
            steps, _, channels = input_shape
            return keras.Sequential([
                keras.layers.Input((steps, channels)),
                keras.layers.Conv1D(16, 5, activation="relu"),
                keras.layers.GlobalAveragePooling1D(),
                keras.layers.Dense(num_classes),
            ])
    """
    setattr(builder, _MARK, True)
    return builder


def own_architecture(
    settings: StudentSettings, *, input_shape: tuple[int, int, int], num_classes: int
) -> Architecture:
    """Reads the layers of an own student from its file.

    The builder is called once, with Keras 3. From then on the layers alone count: in each process
    of the run, for the tf_keras twin and in later commands, which do not need the file.

    Args:
        settings: Name and file of an own student.
        input_shape: `(steps, 1, channels)`.
        num_classes: Width of the logits.

    Returns:
        The architecture. Weights of a saved model are not read: they may come from people who are
        held out in the run.

    Raises:
        UserError: There is no such file or function, the file or the function fails, or the model
            is none for a board, see `read_architecture`.
    """
    if not settings.student_module:
        path = Path(settings.student)
        return read_architecture(_saved_configuration(path), input_shape, path)
    path = Path(settings.student_module)
    builder = _registered(path, settings.student)
    import keras

    try:
        model = builder(keras, input_shape=input_shape, num_classes=num_classes)
    except Exception as error:
        raise _failed(f"{settings.student} must build the student", error, path) from error
    if not isinstance(model, keras.Model) or not hasattr(model, "to_json"):
        rule = f"{settings.student} must return a model of the Keras that it is given"
        raise UserError(rule, type(model).__name__, path)
    try:
        configuration = json.loads(model.to_json())
    except (TypeError, ValueError, NotImplementedError) as error:
        raise _failed("An own student must be functional or Sequential", error, path) from error
    return read_architecture(configuration, input_shape, path)


def _registered(path: Path, name: str) -> Callable[..., Any]:
    if not path.is_file():
        raise UserError("student_module must be a Python file", "no such file", path)
    try:
        names = runpy.run_path(str(path), run_name=path.stem)
    except Exception as error:
        raise _failed("student_module must run", error, path) from error
    marked = {key: value for key, value in names.items() if getattr(value, _MARK, False) is True}
    if name not in marked:
        known = ", ".join(sorted(marked)) or "none"
        rule = "student must be a function of student_module under @register_student"
        raise UserError(rule, f"{name}; there are: {known}", path)
    builder: Callable[..., Any] = marked[name]
    return builder


def _failed(rule: str, error: Exception, path: Path) -> UserError:
    """Returns the error of a user's code in one line, with the last line of the file in it."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [one.lineno for one in frames if one.filename == str(path)]
    where = f" in line {lines[-1]}" if lines else ""
    return UserError(rule, f"{type(error).__name__}{where}: {error}"[:500], path)


def _saved_configuration(path: Path) -> dict[str, Any]:
    """Reads the configuration of a saved Keras model; nothing of the file is run."""
    rule = "student must be a file of a model that Keras 3 saved (.keras)"
    if not path.is_file():
        raise UserError(rule, "no such file", path)
    try:
        with zipfile.ZipFile(path) as archive:
            member = archive.getinfo("config.json")
            if member.file_size > _LARGEST_CONFIGURATION_BYTES:
                raise UserError(rule, f"a configuration of {member.file_size} bytes", path)
            configuration = json.loads(archive.read(member))
    except UserError:
        raise
    except Exception as error:  # a damaged archive raises nearly anything: zlib.error, ...
        raise UserError(rule, f"{type(error).__name__}: {error}"[:200], path) from error
    if not isinstance(configuration, dict):
        raise UserError(rule, type(configuration).__name__, path)
    return configuration
