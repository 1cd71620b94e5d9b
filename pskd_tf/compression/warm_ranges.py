"""The start of fake quantisation where the float net's activations lie."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

# What a wrapper calls the range of what it puts out.
_RANGES = ("output", "post_activation")


def warm_ranges(
    model: tf_keras.Model, twin: tf_keras.Model, clips: np.ndarray
) -> Mapping[str, tuple[float, float]]:
    """Sets every activation range to what the float twin shows on some clips.

    TFMOT starts at +-6 and forgets 0.1 % of it a step, so a run of a few hundred steps never
    learns the ranges. Each range holds 0, as TensorFlow Lite's must. Source: ours.

    Args:
        model: From `quantised_twin`; changed.
        twin: The float twin with the same layers.
        clips: `(clips, steps, 1, channels)` float32, training clips only.

    Returns:
        By the wrapped model's layer the `(least, greatest)` value that was set.
    """
    shown = {
        layer.name: layer.output
        for layer in twin.layers
        if not isinstance(layer, tf_keras.layers.InputLayer)
    }
    outputs = tf_keras.Model(twin.input, shown)(clips, training=False)
    outputs["input"] = clips
    found = {}
    for layer in model.layers:
        source, kinds = layer.name.removeprefix("quant_"), _RANGES
        if not isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2):
            source, kinds = "input", (layer.name,)
        variables = {_short(variable): variable for variable in layer.weights}
        for kind in kinds:
            if f"{kind}_min" in variables:
                least = min(float(np.min(outputs[source])), 0.0)
                greatest = max(float(np.max(outputs[source])), 0.0)
                variables[f"{kind}_min"].assign(least)
                variables[f"{kind}_max"].assign(greatest)
                found[layer.name] = (least, greatest)
    return found


def _short(variable: tf.Variable) -> str:
    return variable.name.split("/")[-1].split(":")[0]
