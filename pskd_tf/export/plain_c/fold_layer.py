"""The tables that every layer with weights needs, input zero point folded in."""

import numpy as np

from pskd_tf.export.plain_c.activation_range import activation_range
from pskd_tf.export.plain_c.operator_reader import OperatorReader
from pskd_tf.export.plain_c.plain_tensor import PlainTensor
from pskd_tf.export.plain_c.quantised_multiplier import quantised_multiplier
from pskd_tf.export.plain_c.rescaled import rescaled


def fold_layer(
    reader: OperatorReader,
    weights: np.ndarray,
    weight_scales: np.ndarray,
    biases: np.ndarray,
    source: PlainTensor,
    result: PlainTensor,
) -> tuple[np.ndarray, dict[str, int]]:
    """Computes what each channel adds, by what it is scaled, and the limits of the output.

    `sum w (x - zero) + bias = sum w x + (bias - zero sum w)`: padding with the zero point then
    adds nothing, and the kernels multiply plain bytes. Source: ours; the arithmetic is
    TensorFlow Lite's.

    Args:
        reader: The operator, for errors and its fused activation.
        weights: `(channels, inputs)` int8.
        weight_scales: `(channels,)` or `(1,)` float32.
        biases: `(channels,)` int32.
        source: The input.
        result: The output.

    Returns:
        `(channels, 3)` int32, the fields of `PskdPlainChannel`; the fields `zero_point`,
        `minimum` and `maximum` of `PskdPlainLayer`.

    Raises:
        UserError: A sum could leave int32, or a factor is not below a half.
    """
    channels = len(weights)
    reader.require(
        len(weight_scales) in (1, channels), "a scale per channel or one", len(weight_scales)
    )
    wide = weights.astype(np.int64)
    folded = biases.astype(np.int64) - source.zero_point * wide.sum(axis=1)
    reach = np.abs(folded) + 128 * np.abs(wide).sum(axis=1)
    reader.require(bool((reach < 1 << 31).all()), "sums within int32", int(reach.max()))
    # In double precision, as TensorFlow Lite Micro multiplies them.
    products = np.broadcast_to(source.scale * weight_scales.astype(np.float64), channels)
    table = np.empty((channels, 3), np.int32)
    for channel, product in enumerate(products):
        factor = float(product) / result.scale
        multiplier, shift = quantised_multiplier(factor)
        bias = int(folded[channel])
        if not wide[channel].any():
            # Nothing but the bias: any factor may stand here, a pruned channel has odd ones.
            reader.require(abs(bias) << max(-shift, 0) < 1 << 31, "sums within int32", bias)
            constant = min(max(rescaled(bias, multiplier, shift), -256), 256)
            bias, multiplier, shift = 4 * constant, 1 << 30, 1
        elif multiplier == 0:
            shift = 1
        reader.require(shift >= 1, "rescaling factors below a half", factor)
        table[channel] = bias, multiplier, shift - 1
    minimum, maximum = activation_range(
        reader.options.fusedActivationFunction, result.scale, result.zero_point
    )
    return table, {"zero_point": result.zero_point, "minimum": minimum, "maximum": maximum}
