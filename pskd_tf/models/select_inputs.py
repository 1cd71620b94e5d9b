"""Which of a batch's streams a model reads."""

from collections.abc import Mapping
from typing import Any

import keras


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
