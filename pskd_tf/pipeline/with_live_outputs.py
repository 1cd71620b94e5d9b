"""Live teachers for a training that takes only given outputs."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from pskd_tf.models.select_inputs import select_inputs


def with_live_outputs(
    batches: tf.data.Dataset, teachers: Mapping[str, keras.Model]
) -> tf.data.Dataset:
    """Adds each teacher's outputs on the very views of a batch as columns of the batch.

    Args:
        batches: `(x, y)` with every stream that the teachers read.
        teachers: Models by name.

    Returns:
        The same batches with `<name>_logits` and `<name>_embedding` in `x`.
    """

    def add(x: dict[str, Any], y: Any) -> tuple[dict[str, Any], Any]:
        columns = dict(x)
        for name, teacher in teachers.items():
            outputs = teacher(select_inputs(teacher, x), training=False)
            columns[f"{name}_logits"] = outputs["logits"]
            columns[f"{name}_embedding"] = outputs["embedding"]
        return columns, y

    return batches.map(add, num_parallel_calls=1, deterministic=True)
