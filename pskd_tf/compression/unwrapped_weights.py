"""The float weights inside a twin that was wrapped for quantisation-aware training."""

from typing import Any

import numpy as np
import tf_keras

from pskd_tf.models.build_student import build_student


def unwrapped_weights(model: tf_keras.Model, builder_arguments: dict[str, Any]) -> list[np.ndarray]:
    """Reads the weights of the student from its wrapped twin.

    Args:
        model: From `quantised_twin`, trained or not.
        builder_arguments: Keyword arguments of `build_student`.

    Returns:
        Arrays in the order of the student's `get_weights()`.
    """
    twin = build_student(tf_keras, **builder_arguments)
    for layer in twin.layers:
        if layer.weights:
            # The wrapper holds its layer's weights in another order, beside its ranges.
            wrapper = model.get_layer(f"quant_{layer.name}")
            values = {_short(one.name): one.numpy() for one in wrapper.weights}
            layer.set_weights([values[_short(one.name)] for one in layer.weights])
    return twin.get_weights()


def _short(name: str) -> str:
    return name.split("/")[-1].split(":")[0]
