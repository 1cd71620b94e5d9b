"""Which channels of every tensor remain once some layers' output channels are removed."""

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np

from data_prep.user_error import UserError

# Layers that hand each channel on by itself.
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

    A removed channel leaves its convolution, the norms, depthwise convolutions and pools behind
    it, every copy that a flattening or a concatenation makes of it, and the input side of the next
    convolution or dense layer. Source: ours.

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
