"""A run's own student: its layers, and a trial of them before anything is trained."""

from dataclasses import replace
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.records import record_to_json
from pskd_tf.settings import RunSettings
from pskd_tf.student_settings import OWN_STUDENT

_TRIAL_CLIPS = 16


def with_own_student(settings: RunSettings, prepared: PreparedSet) -> RunSettings:
    """Reads the layers of a run's own student.

    Args:
        settings: Settings of the run.
        prepared: The prepared set, which has the classes.

    Returns:
        The settings with the architecture; as they are where the student is none of the user's.

    Raises:
        UserError: The file or a layer is refused, see `own_architecture`.
    """
    if not settings.student.is_own:
        return settings
    from pskd_tf.processes import start_tensorflow

    start_tensorflow()  # before the user's builder imports Keras
    from pskd_tf.models.own_students import own_architecture
    from pskd_tf.runs.export_run import model_labels

    architecture = own_architecture(
        settings.student,
        input_shape=settings.inputs.accelerometer_shape,
        num_classes=len(model_labels(settings, prepared.description.class_names)),
    )
    return replace(settings, student=replace(settings.student, architecture=architecture))


def try_own_student(settings: RunSettings, num_classes: int) -> list[str]:
    """Converts the untrained own student and runs it, so that a refusal costs no training.

    Args:
        settings: From `with_own_student`.
        num_classes: Width of the logits.

    Returns:
        Warnings, one sentence each: plain C does not know an operator.

    Raises:
        UserError: The converter or TensorFlow Lite Micro does not take the net; an operator is
            named.
    """
    import keras
    import tf_keras

    from pskd_tf.compression.convert import convert_to_int8
    from pskd_tf.evaluation.tflm import arena_bytes
    from pskd_tf.models.registry import build_student

    shape = settings.inputs.accelerometer_shape
    arguments: dict[str, Any] = {
        "model": OWN_STUDENT,
        "input_shape": list(shape),
        "num_classes": num_classes,
        "architecture": record_to_json(settings.student.architecture),
    }
    keras.utils.set_random_seed(0)
    model, twin = build_student(keras, **arguments), build_student(tf_keras, **arguments)
    orders = [[layer.name for layer in one.layers if layer.weights] for one in (model, twin)]
    if orders[0] != orders[1]:
        rule = "The layers of an own student must have one order in Keras 3 and tf_keras"
        raise UserError(rule, f"{', '.join(orders[0])} and {', '.join(orders[1])}")
    clips = np.random.default_rng(0).normal(0, 1, (_TRIAL_CLIPS, *shape)).astype(np.float32)
    rule = "An own student must run in int8 on TensorFlow Lite Micro (tried before its training)"
    try:
        tflite = convert_to_int8(model.get_weights(), arguments, clips)
        arena_bytes(tflite)
    except UserError as error:
        raise UserError(rule, error.reason) from error
    except RuntimeError as error:
        raise UserError(rule, str(error).strip().splitlines()[-1]) from error
    lacks = lacks_plain_c(tflite)
    return [] if lacks is None else [without_plain_c(lacks)]


def lacks_plain_c(tflite: bytes) -> str | None:
    """Returns why plain C does not compute a flatbuffer, in one sentence; None where it does."""
    from pskd_tf.export.plain_c.graph import read_graph

    try:
        read_graph(tflite)
    except UserError as error:
        return error.reason
    return None


def without_plain_c(reason: str) -> str:
    """Returns the warning of an export without plain C."""
    return (
        f"The export has no plain_model.*, so boards need --runtime=tflm, and simulate and "
        f"personalise do not run: {reason}"
    )
