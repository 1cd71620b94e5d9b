"""What a model without some channels will cost on a board, before it is converted."""

import math
from collections.abc import Mapping

import keras
import numpy as np

from pskd_tf.compression.board_limits import BoardCost
from pskd_tf.compression.channel_masks import channel_masks
from pskd_tf.compression.planned_bytes import planned_bytes

_WEIGHTED = ("Conv2D", "DepthwiseConv2D", "Dense")
_OPERATORS = (*_WEIGHTED, "InputLayer", "AveragePooling2D", "MaxPooling2D")
# Per channel: a scale (4 bytes) and a zero point (8) of the weights and of the bias.
_QUANTISATION_BYTES = 24
# Per channel: TensorFlow Lite Micro's multiplier and shift.
_MULTIPLIER_BYTES = 8
# While it plans, TensorFlow Lite Micro keeps a list of the tensors where the activations will lie.
_PLANNER_BYTES = 1456
# Alignment, and the convolution head's few bytes more.
_RESERVE_BYTES = 96


def estimated_cost(
    model: keras.Model, kept: Mapping[str, np.ndarray], measured: BoardCost
) -> BoardCost:
    """Predicts the cost of the slim model from the measured cost of the full one.

    Flash: int8 weights and int32 biases in buffers of 16 bytes, 24 bytes a channel of scales and
    zero points. Arena: the activations as its planner places them, but no less than the plan
    itself takes, and 8 bytes a channel. What is left over of the measured figures (the graph
    itself) does not depend on the widths. 96 bytes are added to both, so that the prediction is a
    close upper bound. Source: ours, read off flatbuffers and the interpreter's account.

    Args:
        model: The built functional Keras 3 model with all channels; one operator after the other.
        kept: As `channel_masks` takes it.
        measured: What that model costs as an int8 flatbuffer.

    Returns:
        The prediction; the multiply-accumulates are exact.
    """
    full, slim = _parts(model, {}), _parts(model, kept)
    return BoardCost(
        measured.flash_bytes - full.flash_bytes + slim.flash_bytes + _RESERVE_BYTES,
        measured.arena_bytes - full.arena_bytes + slim.arena_bytes + _RESERVE_BYTES,
        slim.macs,
    )


def _parts(model: keras.Model, kept: Mapping[str, np.ndarray]) -> BoardCost:
    masks = channel_masks(model, kept)
    flash = arena = macs = 0
    activations = []
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in _OPERATORS:
            continue
        outputs = int(masks.outputs[layer.name].sum())
        positions = math.prod(layer.output.shape[1:-1])
        if kind in _WEIGHTED:
            inputs = int(masks.inputs[layer.name].sum())
            shape = layer.kernel.shape
            area = math.prod(shape[:-2])
            kernel = area * (outputs if kind == "DepthwiseConv2D" else inputs * outputs)
            macs += positions * kernel
            flash += _padded(kernel) + _padded(4 * outputs) + _QUANTISATION_BYTES * outputs
            arena += _MULTIPLIER_BYTES * outputs
        activations.append(_padded(positions * outputs))
    return BoardCost(flash, arena + max(planned_bytes(activations), _PLANNER_BYTES), macs)


def _padded(size: int) -> int:
    return -(-size // 16) * 16
