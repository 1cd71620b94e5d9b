"""A model's weights without some channels: zeroed in place, or cut out."""

from collections.abc import Mapping

import keras
import numpy as np

from pskd_tf.compression.channel_masks import ChannelMasks, channel_masks


def masked_weights(model: keras.Model, kept: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Returns the weights with every removed channel set to 0, in the shapes they have.

    Args:
        model: A built functional Keras 3 model.
        kept: As `channel_masks` takes it.

    Returns:
        Arrays in the order of `get_weights()`.
    """
    return [
        np.where(_grid(array.shape, axes), array, 0).astype(array.dtype)
        for array, axes in _axes(model, channel_masks(model, kept))
    ]


def slim_weights(model: keras.Model, kept: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Returns the weights of the smaller model that has only the channels that remain.

    That model computes what the one with `masked_weights` computes: a removed channel is 0 behind
    its convolution's norm and behind every depthwise follower's.

    Args:
        model: A built functional Keras 3 model.
        kept: As `channel_masks` takes it.

    Returns:
        Arrays in the order of `get_weights()`.
    """
    arrays = []
    for array, axes in _axes(model, channel_masks(model, kept)):
        for axis, mask in axes.items():
            array = np.compress(mask, array, axis=axis)
        arrays.append(array)
    return arrays


def _axes(
    model: keras.Model, masks: ChannelMasks
) -> list[tuple[np.ndarray, dict[int, np.ndarray]]]:
    """Pairs every array with the masks of its axes, in the order of `get_weights()`."""
    by_variable = {}
    for layer in model.layers:
        before, after = masks.inputs[layer.name], masks.outputs[layer.name]
        kind = type(layer).__name__
        for number, variable in enumerate(layer.weights):
            rank = len(variable.shape)
            if kind == "DepthwiseConv2D" and number == 0:
                axes = {2: before}  # (height, width, channels, multiplier)
            elif kind in ("Conv2D", "Dense") and number == 0:
                axes = {rank - 2: before, rank - 1: after}
            else:
                axes = {rank - 1: after}
            by_variable[variable.path] = axes
    return [
        (keras.ops.convert_to_numpy(variable), by_variable[variable.path])
        for variable in model.weights
        if variable.path in by_variable
    ]


def _grid(shape: tuple[int, ...], axes: Mapping[int, np.ndarray]) -> np.ndarray:
    keep = np.ones(shape, bool)
    for axis, mask in axes.items():
        keep &= mask.reshape([-1 if number == axis else 1 for number in range(len(shape))])
    return keep
