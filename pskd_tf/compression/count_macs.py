"""Multiply-accumulates of one inference, the usual measure of a net's cost."""

import math
from typing import Any


def count_macs(model: Any) -> int:
    """Counts the multiply-accumulates of a model's convolutions and dense layers.

    Conv2D: output positions x kernel area x input channels x filters. DepthwiseConv2D: output
    positions x kernel area x output channels. Dense: inputs x units. Padding counts as work;
    everything else (pooling, folded normalisation, activations) counts nothing.

    Args:
        model: A built functional Keras 3 or tf_keras model.

    Returns:
        Multiply-accumulates of one sample.
    """
    total = 0
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in ("Conv2D", "DepthwiseConv2D", "Dense"):
            continue
        # All axes but the batch and the channels; none for a dense layer on a vector.
        positions = math.prod(layer.output.shape[1:-1])
        # The depthwise kernel (height, width, channels, multiplier) counts in full as well.
        total += positions * math.prod(layer.get_weights()[0].shape)
    return int(total)
