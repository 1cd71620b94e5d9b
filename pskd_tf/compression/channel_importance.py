"""How much each channel of a layer matters."""

import keras
import numpy as np

from data_prep.user_error import UserError

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
            raise UserError("Importance by norm_scale needs a BatchNorm behind", layer_name)
        scores = np.abs(keras.ops.convert_to_numpy(norms[0].gamma).astype(np.float64))
    return scores / max(scores.mean(), 1e-12)
