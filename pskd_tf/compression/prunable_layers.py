"""Which layers of a student may lose channels, and the builder's arguments that say so."""

from collections.abc import Mapping
from typing import Any

import numpy as np

# By model: the layers behind `widths`, in order, and the one behind `embedding_width`.
_LAYERS = {
    "accelerometer_student": (
        ("stem", "block1_point", "block2_point", "block3_point"),
        "semantic",
    ),
    "ign_student": (("stem",), "semantic"),
    "gmp_student": (("stem", "block1"), None),
}


def prunable_layers(model_name: str) -> tuple[str, ...]:
    """Returns the names of a student's layers whose output channels may be removed.

    Args:
        model_name: One of `pskd_tf.models.build_student.STUDENTS`.
    """
    layers, semantic = _LAYERS[model_name]
    return layers if semantic is None else (*layers, semantic)


def slim_builder_arguments(
    builder_arguments: Mapping[str, Any], kept: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns the arguments of `build_student` for the model without the removed channels.

    Args:
        builder_arguments: Those of the model that loses them.
        kept: `(channels,)` bool of every prunable layer, by name.

    Returns:
        The arguments, as JSON can hold them.
    """
    arguments = dict(builder_arguments)
    layers, semantic = _LAYERS[arguments.get("model", "accelerometer_student")]
    arguments["widths"] = [int(np.sum(kept[name])) for name in layers]
    if semantic is not None:
        arguments["embedding_width"] = int(np.sum(kept[semantic]))
    return arguments
