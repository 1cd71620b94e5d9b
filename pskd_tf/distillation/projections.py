"""Linear projections of the student's embedding, one for each teacher."""

from collections.abc import Mapping
from types import ModuleType
from typing import Any


def projections(keras_module: ModuleType, widths: Mapping[str, int]) -> dict[str, Any]:
    """Makes one bias-free linear layer per teacher, from the student's width to the teacher's.

    Args:
        keras_module: `keras` or `tf_keras`.
        widths: Width of each teacher's embedding, by the teacher's name.

    Returns:
        Unbuilt `Dense` layers by the teacher's name.
    """
    return {
        name: keras_module.layers.Dense(width, use_bias=False, name=f"projection_{name}")
        for name, width in widths.items()
    }
