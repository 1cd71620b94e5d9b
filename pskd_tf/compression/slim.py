"""Removal of whole channels, so that a student keeps the limits of a board.

`channel_importance` scores the channels, `choose_channels` removes the least important ones until
`estimated_cost` is within the limits, and `slim_weights` cuts the weights. `channel_masks` follows
a removed channel through the layers.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from data_prep.errors import UserError
from pskd_tf.compression.cost import BoardCost, BoardLimits, planned_bytes

# Layers that process each channel separately.
_CHANNELWISE = (
    "BatchNormalization",
    "ReLU",
    "Activation",
    "Dropout",
    "AveragePooling2D",
    "MaxPooling2D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
)


@dataclass(frozen=True)
class ChannelMasks:
    """The channels that remain, by layer name.

    Attributes:
        inputs: `(channels,)` bool of each layer's input's last axis (of the joined inputs for
            `Concatenate`).
        outputs: The same of its output.
    """

    inputs: dict[str, np.ndarray]
    outputs: dict[str, np.ndarray]


def channel_masks(model: keras.Model, kept: Mapping[str, np.ndarray]) -> ChannelMasks:
    """Follows removed channels through a functional model.

    A channel is removed from its convolution, from the BatchNorms, depthwise convolutions and
    pools after it, from every copy in a flattening or a concatenation, and from the inputs of the
    next convolution or dense layer. Source: ours.

    Args:
        model: A built functional Keras 3 model.
        kept: By name of a Conv2D or Dense layer, `(channels,)` bool of its outputs that remain;
            layers that are not named keep all.

    Returns:
        The masks.

    Raises:
        UserError: A layer is named that has no channels of its own, a mask has a wrong length or
            keeps nothing, two branches that are added keep different channels, or a layer is of a
            kind through which channels cannot be followed.
    """
    masks: dict[int, np.ndarray] = {}
    inputs: dict[str, np.ndarray] = {}
    outputs: dict[str, np.ndarray] = {}
    open_names = dict(kept)
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "InputLayer":
            before = after = np.ones(layer.output.shape[-1], bool)
        else:
            given = layer.input if isinstance(layer.input, list) else [layer.input]
            before = _joined([masks[id(tensor)] for tensor in given], kind, layer.name)
            after = _after(layer, kind, before, open_names)
        inputs[layer.name], outputs[layer.name] = before, after
        masks[id(layer.output)] = after
    if open_names:
        rule = "Channels are removed from Conv2D and Dense layers of the model"
        raise UserError(rule, ", ".join(sorted(open_names)))
    return ChannelMasks(inputs, outputs)


def _joined(masks: list[np.ndarray], kind: str, name: str) -> np.ndarray:
    if kind == "Concatenate":
        return np.concatenate(masks)
    if any(not np.array_equal(masks[0], other) for other in masks[1:]):
        raise UserError("Branches that are added keep the same channels", name)
    return masks[0]


def _after(
    layer: keras.layers.Layer, kind: str, before: np.ndarray, kept: dict[str, np.ndarray]
) -> np.ndarray:
    channels = layer.output.shape[-1]
    if kind in ("Conv2D", "Dense"):
        mask = np.asarray(kept.pop(layer.name, np.ones(channels, bool)), bool)
        if mask.shape != (channels,) or not mask.any():
            rule = f"Layer {layer.name} keeps some of its {channels} channels"
            raise UserError(rule, f"{int(mask.sum())} of {len(mask)}")
        return mask
    if kind == "DepthwiseConv2D":
        return np.repeat(before, layer.depth_multiplier)
    if kind in ("Flatten", "Reshape"):
        # The channels vary fastest.
        return np.tile(before, channels // len(before))
    if kind in ("Concatenate", "Add", *_CHANNELWISE):
        return before
    raise UserError("Channels can be followed through convolutions, norms, pools and joins", kind)


IMPORTANCES = ("norm_scale", "kernel")


def channel_importance(model: keras.Model, layer_name: str, kind: str) -> np.ndarray:
    """Scores a layer's output channels; the mean of each layer's scores is 1.

    Args:
        model: A built functional Keras 3 model; its kernels may hold the zeros of TFMOT's masks.
        layer_name: A Conv2D or Dense layer.
        kind: `norm_scale`: the absolute scale of the BatchNorm behind the layer (Liu et al. 2017,
            network slimming), or `kernel`: the L2 norm of the weights that make the channel, in
            which masked ones count nothing (Li et al. 2017, with the L2 norm).

    Returns:
        `(channels,)` float64, not negative.

    Raises:
        UserError: The kind is unknown, or no BatchNorm follows the layer.
    """
    if kind not in IMPORTANCES:
        raise UserError(f"The importance of channels is one of {', '.join(IMPORTANCES)}", kind)
    layer = model.get_layer(layer_name)
    if kind == "kernel":
        kernel = keras.ops.convert_to_numpy(layer.kernel).astype(np.float64)
        scores = np.sqrt(np.sum(kernel**2, axis=tuple(range(kernel.ndim - 1))))
    else:
        norms = [
            one
            for one in model.layers
            if isinstance(one, keras.layers.BatchNormalization) and one.input is layer.output
        ]
        if not norms:
            raise UserError(
                "Importance by norm_scale needs a BatchNorm after the layer", layer_name
            )
        scores = np.abs(keras.ops.convert_to_numpy(norms[0].gamma).astype(np.float64))
    return np.asarray(scores / max(scores.mean(), 1e-12))


_WEIGHTED = ("Conv2D", "DepthwiseConv2D", "Dense")
_OPERATORS = (*_WEIGHTED, "InputLayer", "AveragePooling2D", "MaxPooling2D")
# Per channel: a scale (4 bytes) and a zero point (8) of the weights and of the bias.
_QUANTISATION_BYTES = 24
# Per channel: TensorFlow Lite Micro's multiplier and shift.
_MULTIPLIER_BYTES = 8
# TensorFlow Lite Micro plans in the memory of the activations, which must hold its list of tensors.
_PLANNER_BYTES = 1456
# For alignment and the convolution head.
_RESERVE_BYTES = 96


def estimated_cost(
    model: keras.Model, kept: Mapping[str, np.ndarray], measured: BoardCost
) -> BoardCost:
    """Predicts the cost of the slim model from the measured cost of the full one.

    Flash: int8 weights and int32 biases in buffers of 16 bytes, 24 bytes a channel of scales and
    zero points. Arena: the activations as its planner places them, but at least the plan itself,
    and 8 bytes a channel. The rest of the measured figures (the graph itself) does not depend on
    the widths. 96 bytes are added to both, so that the prediction is a close upper bound. Source:
    ours, from flatbuffers and the arena that the interpreter reports.

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


# A layer keeps at least this share of its channels, and as many channels.
_LEAST_SHARE = 0.125
_LEAST_CHANNELS = 4


def choose_channels(
    model: keras.Model,
    importance: Mapping[str, np.ndarray],
    limits: BoardLimits,
    measured: BoardCost,
    *,
    step: int = 2,
) -> dict[str, np.ndarray]:
    """Removes the least important channels until the estimated cost fits.

    Greedy: each turn removes the `step` least important channels of one layer. It is the layer
    that loses the least share of its remaining importance per unit of saved excess, so that no
    layer is emptied before the others. The excess is the sum over the exceeded limits, each as a
    share of the limit. Source: ours.

    Args:
        model: The built functional Keras 3 model.
        importance: `(channels,)` of every layer that may lose channels, by name.
        limits: What the board allows.
        measured: What the model costs now.
        step: Channels removed at a time.

    Returns:
        `(channels,)` bool of each of these layers; all true where the model fits as it is.

    Raises:
        UserError: The limits cannot be met even with as few channels as layers may keep.
    """
    kept = {name: np.ones(len(scores), bool) for name, scores in importance.items()}
    # A model that fits as measured stays whole; else all costs are estimates, reserve included.
    cost = estimated_cost(model, kept, measured) if limits.excess(measured) else measured
    while limits.excess(cost):
        before = _pressure(limits, cost)
        best: tuple[float, str, np.ndarray, BoardCost] | None = None
        for name, scores in importance.items():
            rows = np.flatnonzero(kept[name])
            least = max(_LEAST_CHANNELS, round(_LEAST_SHARE * len(scores)))
            count = min(step, len(rows) - least)
            if count < 1:
                continue
            weakest = rows[np.argsort(scores[rows], kind="stable")[:count]]
            trial = kept | {name: _without(kept[name], weakest)}
            cheaper = estimated_cost(model, trial, measured)
            saved = before - _pressure(limits, cheaper)
            if saved <= 0:
                continue
            price = float(scores[weakest].sum() / scores[rows].sum()) / saved
            if best is None or price < best[0]:
                best = (price, name, weakest, cheaper)
        if best is None:
            short = ", ".join(f"{name} by {over}" for name, over in limits.excess(cost).items())
            raise UserError("The limits must leave room for the smallest student", f"{short} over")
        _, chosen, removed, cost = best
        kept[chosen] = _without(kept[chosen], removed)
    return kept


def _pressure(limits: BoardLimits, cost: BoardCost) -> float:
    shares = (over / getattr(limits, name) for name, over in limits.excess(cost).items())
    return float(sum(shares))


def _without(mask: np.ndarray, rows: np.ndarray) -> np.ndarray:
    mask = mask.copy()
    mask[rows] = False
    return mask


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

    Its outputs equal those of the model with `masked_weights`: a removed channel is 0 after the
    BatchNorm of its convolution and after that of every depthwise convolution behind it.

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


# By model: the layers of `widths`, in order, and the layer of `embedding_width`.
_LAYERS = {
    "accelerometer_student": (
        ("stem", "block1_point", "block2_point", "block3_point"),
        "semantic",
    ),
    "ign_student": (("stem",), "semantic"),
    "gmp_student": (("stem", "block1"), None),
}


def prunable_layers(model_name: str, *, embedding: bool = True) -> tuple[str, ...]:
    """Returns the names of a student's layers whose output channels may be removed.

    Args:
        model_name: One of `pskd_tf.student_settings.STUDENTS`.
        embedding: Whether the layer of the embedding is one of them.
    """
    layers, semantic = _LAYERS[model_name]
    return layers if semantic is None or not embedding else (*layers, semantic)


def slim_builder_arguments(
    builder_arguments: Mapping[str, Any], kept: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Returns the arguments of `build_student` for the model without the removed channels.

    Args:
        builder_arguments: Those of the model that loses them.
        kept: `(channels,)` bool of every prunable layer, by name; that of the embedding may be
            missing.

    Returns:
        The arguments, as JSON can hold them.
    """
    arguments = dict(builder_arguments)
    layers, semantic = _LAYERS[arguments.get("model", "accelerometer_student")]
    arguments["widths"] = [int(np.sum(kept[name])) for name in layers]
    if semantic is not None and semantic in kept:
        arguments["embedding_width"] = int(np.sum(kept[semantic]))
    return arguments
