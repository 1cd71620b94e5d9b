"""How the net is built whose weights a stage wrote."""

from typing import Any

from pskd_tf.data.input_settings import InputSettings
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage


def source_arguments(source: Stage, student: Stage, context: RunContext) -> dict[str, Any]:
    """Returns the builder's arguments of a student that was cut or not.

    Args:
        source: A finished stage that wrote `weights.npz` of a student.
        student: The fit stage it comes from.
        context: Where results lie.

    Returns:
        Keyword arguments of `build_student`, as JSON can hold them.
    """
    known = context.result(source).get("builder_arguments")
    inputs = InputSettings(**student.settings["inputs"])
    return known or {
        "model": student.settings["model"],
        "input_shape": list(inputs.accelerometer_shape),
        "num_classes": student.settings["num_classes"],
    }
