"""A float model's outputs at the places where its int8 graph has operators."""

import keras
import numpy as np

_OPERATORS = {
    "Conv2D": "CONV_2D",
    "DepthwiseConv2D": "DEPTHWISE_CONV_2D",
    "Dense": "FULLY_CONNECTED",
    "AveragePooling2D": "AVERAGE_POOL_2D",
    "MaxPooling2D": "MAX_POOL_2D",
}
# What the converter folds into the operator before it.
_FOLDED = ("BatchNormalization", "ReLU", "Activation")


def layer_outputs(model: keras.Model, clips: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    """Runs a model and keeps what each convolution, dense layer and pool puts out.

    Args:
        model: A functional Keras 3 student.
        clips: `(clips, steps, 1, channels)` float32, in g.

    Returns:
        One `(layer, operator, values)` per such layer, in order, behind the norm and the ReLU that
        the converter folds into it; values `(clips, ...)` float32.
    """
    chosen = []
    for layer in model.layers:
        operator = _OPERATORS.get(type(layer).__name__)
        if operator:
            chosen.append((layer.name, operator, _behind(model, layer).output))
    outputs = keras.Model(model.input, [tensor for _, _, tensor in chosen])(clips, training=False)
    return [
        (name, operator, keras.ops.convert_to_numpy(values))
        for (name, operator, _), values in zip(chosen, outputs, strict=True)
    ]


def _behind(model: keras.Model, layer: keras.layers.Layer) -> keras.layers.Layer:
    for other in model.layers:
        if type(other).__name__ in _FOLDED and other.input is layer.output:
            return _behind(model, other)
    return layer
