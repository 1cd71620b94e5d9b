"""A model's logits and embeddings over many clips."""

from collections.abc import Mapping

import keras
import numpy as np

from pskd_tf.models.select_inputs import select_inputs


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
