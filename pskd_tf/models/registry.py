"""Models by name, calls of a model by the names of its inputs, and the mean of several models."""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

import keras
import numpy as np

from data_prep.errors import UserError
from data_prep.records import record_from_json
from pskd_tf.models.architecture import build_architecture
from pskd_tf.models.students import accelerometer_student, gmp_student, ign_student
from pskd_tf.models.teachers import accelerometer_teacher, fusion_teacher, skeleton_teacher
from pskd_tf.student_settings import OWN_STUDENT, STUDENTS, Architecture


def build_student(
    keras_module: ModuleType, model: str = "accelerometer_student", **builder_arguments: Any
) -> Any:
    """Builds one of the nets that read the accelerometer alone and fit a board.

    Args:
        keras_module: `keras` or `tf_keras`.
        model: One of `STUDENTS`, or `OWN_STUDENT` with its `architecture`.
        **builder_arguments: Keyword arguments of that builder; lists (from JSON) count as tuples.

    Returns:
        The functional model.

    Raises:
        UserError: The name is none of `STUDENTS`.
    """
    functions: tuple[Callable[..., Any], ...] = (accelerometer_student, ign_student, gmp_student)
    builders = dict(zip(STUDENTS, functions, strict=True))
    if model == OWN_STUDENT:
        return _own_student(keras_module, **builder_arguments)
    if model not in builders:
        raise UserError(f"A student is one of {', '.join(STUDENTS)}", model)
    arguments = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in builder_arguments.items()
    }
    return builders[model](keras_module, **arguments)


def _own_student(
    keras_module: ModuleType,
    *,
    architecture: Architecture | Mapping[str, Any],
    input_shape: Sequence[int],
    num_classes: int,
) -> Any:
    if not isinstance(architecture, Architecture):
        architecture = record_from_json(Architecture, architecture)
    steps, width, channels = input_shape
    return build_architecture(
        keras_module,
        architecture,
        input_shape=(steps, width, channels),
        num_classes=num_classes,
    )


def build_model(
    name: str,
    *,
    accelerometer_shape: tuple[int, int, int],
    skeleton_shape: tuple[int, int],
    num_classes: int,
    architecture: Architecture | None = None,
) -> keras.Model:
    """Builds a teacher of the progressive chain or a student.

    Args:
        name: `skeleton_teacher`, `fusion_teacher`, `accelerometer_teacher`,
            `accelerometer_student`, `ign_student`, `gmp_student` or `own_student`.
        accelerometer_shape: `(steps, 1, channels)`.
        skeleton_shape: `(frames, channels)`.
        num_classes: Width of the logits.
        architecture: The layers of `own_student`.

    Returns:
        The model; its inputs are named after the streams it reads.

    Raises:
        UserError: The name is none of these.
    """
    if name == "skeleton_teacher":
        return skeleton_teacher(input_shape=skeleton_shape, num_classes=num_classes)
    if name == "fusion_teacher":
        return fusion_teacher(
            skeleton_shape=skeleton_shape,
            accelerometer_shape=accelerometer_shape,
            num_classes=num_classes,
        )
    if name == "accelerometer_teacher":
        return accelerometer_teacher(input_shape=accelerometer_shape, num_classes=num_classes)
    if name == OWN_STUDENT and architecture is not None:
        return build_architecture(
            keras, architecture, input_shape=accelerometer_shape, num_classes=num_classes
        )
    if name in STUDENTS:
        return build_student(keras, name, input_shape=accelerometer_shape, num_classes=num_classes)
    raise UserError(
        "A model is one of skeleton_teacher, fusion_teacher, accelerometer_teacher, "
        f"{', '.join(STUDENTS)}",
        name,
    )


def select_inputs(model: keras.Model, streams: Mapping[str, Any]) -> Any:
    """Picks from a batch what a functional model declares as its inputs, by their names.

    Args:
        model: A functional Keras model whose `Input` layers are named after streams.
        streams: Arrays or tensors by stream name; more than the model reads is fine.

    Returns:
        One tensor for a model with one input, else a dict by input name.

    Raises:
        ValueError: The batch lacks one of the model's inputs.
    """
    names = [tensor.name for tensor in model.inputs]
    missing = [name for name in names if name not in streams]
    if missing:
        raise ValueError(
            f"Model {model.name} reads the streams {names}; the batch must hold them all. "
            f"Received: {sorted(streams)}"
        )
    if len(names) == 1:
        return streams[names[0]]
    return {name: streams[name] for name in names}


def model_outputs(
    model: keras.Model, views: Mapping[str, np.ndarray], batch_size: int = 128
) -> dict[str, np.ndarray]:
    """Runs a model in inference mode.

    Args:
        model: A model with the outputs `logits` and `embedding`.
        views: Streams by name, `(clips, ...)`.
        batch_size: Clips at a time.

    Returns:
        `logits` `(clips, classes)` and `embedding` `(clips, width)`, float32.
    """
    inputs = select_inputs(model, views)
    count = len(next(iter(views.values())))
    parts = []
    for start in range(0, count, batch_size):
        chunk = keras.tree.map_structure(lambda one: one[start : start + batch_size], inputs)  # noqa: B023
        outputs = model(chunk, training=False)
        parts.append({key: keras.ops.convert_to_numpy(value) for key, value in outputs.items()})
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def mean_of_models(models: Sequence[keras.Model], name: str) -> keras.Model:
    """Builds a model whose logits are the mean of the given models' logits.

    The mean of logits is, up to a constant, the log of the geometric mean of the probabilities.
    Embeddings of different nets cannot be averaged, so the embedding is the first model's.

    Args:
        models: Models with the same named inputs and outputs
            `{"logits": (batch, classes), "embedding": (batch, width)}`; a single one is returned
            as it is.
        name: Name of the new model.

    Returns:
        A functional model with the inputs and outputs of the first one. Source: averaging an
        ensemble's outputs for its student, Hinton et al. 2015.
    """
    if len(models) == 1:
        return models[0]
    inputs = {
        tensor.name: keras.layers.Input(tensor.shape[1:], name=tensor.name)
        for tensor in models[0].inputs
    }
    chosen = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    # The same weights under a name of its own: a model may not hold two layers of one name.
    named = [
        keras.Model(model.input, model.output, name=f"{name}_{number}")
        for number, model in enumerate(models, start=1)
    ]
    outputs = [model(chosen) for model in named]
    logits = keras.layers.Average(name="logits")([one["logits"] for one in outputs])
    return keras.Model(chosen, {"logits": logits, "embedding": outputs[0]["embedding"]}, name=name)
