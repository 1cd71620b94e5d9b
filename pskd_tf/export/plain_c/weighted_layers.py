"""Layers with weights for plain C: convolutions along time and fully connected layers."""

import numpy as np

from pskd_tf.export.plain_c.arithmetic import (
    LARGEST_SHIFT,
    SUM_LIMIT,
    activation_range,
    pack_dense_weights,
    quantised_multiplier,
    rescaled,
)
from pskd_tf.export.plain_c.operators import OperatorReader, PlainLayer, PlainTensor, TimeWindow


def dense_scratch(positions: int, depth: int) -> int:
    """Computes the working memory of a dense layer, whichever kernel runs it.

    The DSP kernel widens three windows to int16, or one where there are fewer, and keeps the sums
    of three rows and two channels behind them. The others need none.

    Args:
        positions: Rows of the output.
        depth: Bytes of a window.

    Returns:
        Bytes, a multiple of 4.
    """
    return 3 * 2 * depth + 3 * 2 * 4 if positions >= 3 else 2 * depth


def read_dense(reader: OperatorReader) -> PlainLayer:
    """Reads a convolution along time or a fully connected layer.

    The window of a convolution is one run of bytes, so both are products of a matrix with runs of
    bytes; a fully connected layer has one run, or one for each row. With a dilation the kernel
    first copies the rows of a window beside each other.

    Args:
        reader: The operator.

    Returns:
        The layer.

    Raises:
        UserError: What the kernel does not compute.
    """
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    weights, weight_scales = reader.weights(reader.sources[1])
    if reader.name == "CONV_2D":
        reader.require(weights.shape[3] == source.channels, "no groups", f"weights {weights.shape}")
        window = TimeWindow.read(reader, weights.shape[1:3], source.rows, result.rows)
        step = window.stride * source.channels
    else:
        step = weights.shape[1]
        of_rows = step == source.channels and result.rows == source.rows
        reader.require(of_rows or step == source.size, "vectors", f"weights {weights.shape}")
        reader.require(reader.options.weightsFormat == 0, "plain weights", "shuffled ones")
        window = TimeWindow(1, 1, source.size // step, 0, 0)
    rows = weights.reshape(len(weights), -1)
    bias = reader.sources[2] if len(reader.sources) > 2 else -1
    scales, limits = fold_layer(
        reader, rows, weight_scales, reader.biases(bias, len(rows)), source, result
    )
    inputs = rows.shape[1]
    depth = -(-inputs // 8) * 8
    scratch, apart = dense_scratch(window.positions, depth), {}
    if window.dilation > 1:
        # Windows are copied three at a time, in front of what the dense kernel needs.
        scratch = 3 * depth + dense_scratch(3, depth)
        apart = {
            "taps": window.taps,
            "tap_bytes": source.channels,
            "gap": window.dilation * source.channels,
        }
    return PlainLayer(
        kind="dilated" if apart else "dense",
        operator=reader.name,
        sources=(reader.sources[0],),
        result=reader.result,
        fields={
            "positions": window.positions,
            "channels": len(rows),
            "step": step,
            "depth": depth,
            **limits,
            **apart,
        },
        arrays={
            # Helium loads 32 bytes at a time; a last half of them reads on.
            "weights": np.pad(pack_dense_weights(rows), (0, 2 * (depth % 16))),
            "scales": np.pad(scales, [(0, len(rows) % 2), (0, 0)]),
        },
        head=window.head * source.channels,
        tail=window.tail * source.channels,
        slack=0 if apart else depth - inputs,
        scratch=scratch,
        macs=window.positions * int(np.prod(rows.shape)),
    )


def depthwise_scratch(window: TimeWindow) -> int:
    """Computes the working memory of a depthwise layer, whichever kernel runs it.

    The DSP kernel transposes four channels to int16, the Helium kernel one channel at a time; both
    keep weights beside it and read beyond the last row. Other windows need none.

    Args:
        window: The layer's windows.

    Returns:
        Bytes, a multiple of 4.
    """
    reach, taps = (window.positions - 1) * window.stride, window.reach
    dsp = helium = 0
    if taps < 8 and window.stride <= 2:
        dsp = 4 * 4 * ((reach + taps + 8) // 2) + 4 * 8 * 2
    if 3 * window.stride + taps <= 16:
        helium = 32 + -(-(reach + 16) // 4) * 4
    return max(dsp, helium)


def read_depthwise(reader: OperatorReader) -> PlainLayer:
    """Reads a depthwise convolution along time with multiplier 1.

    Args:
        reader: The operator.

    Returns:
        The layer; its weights stay `(taps, channels)`, with rows of zeros between those of a
        dilation, which add nothing to a sum.

    Raises:
        UserError: What the kernel does not compute.
    """
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    weights, weight_scales = reader.weights(reader.sources[1])
    reader.require(weights.shape[3] == source.channels, "multiplier 1", f"weights {weights.shape}")
    window = TimeWindow.read(reader, weights.shape[1:3], source.rows, result.rows)
    taps_first = np.zeros((window.reach, source.channels), np.int8)
    taps_first[:: window.dilation] = weights.reshape(window.taps, source.channels)
    bias = reader.sources[2] if len(reader.sources) > 2 else -1
    scales, limits = fold_layer(
        reader,
        taps_first.T,
        weight_scales,
        reader.biases(bias, source.channels),
        source,
        result,
    )
    return PlainLayer(
        kind="depthwise",
        operator=reader.name,
        sources=(reader.sources[0],),
        result=reader.result,
        fields={
            "positions": window.positions,
            "channels": source.channels,
            "step": window.stride * source.channels,
            "depth": window.reach,
            **limits,
        },
        arrays={"weights": taps_first.ravel(), "scales": scales},
        head=window.head * source.channels,
        tail=window.tail * source.channels,
        scratch=depthwise_scratch(window),
        macs=window.positions * taps_first.size,
    )


def fold_layer(
    reader: OperatorReader,
    weights: np.ndarray,
    weight_scales: np.ndarray,
    biases: np.ndarray,
    source: PlainTensor,
    result: PlainTensor,
) -> tuple[np.ndarray, dict[str, int]]:
    """Computes the bias, the multiplier and the shift of each channel, and the output's limits.

    `sum w (x - zero) + bias = sum w x + (bias - zero sum w)`: padding with the zero point then
    adds nothing, and the kernels multiply plain bytes. The kernels requantise with one multiply,
    which is exact below bounds that are checked here. Source: ours; the arithmetic is TensorFlow
    Lite's.

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
        UserError: A sum could reach 2^30, or a factor is not below a half or too small.
    """
    channels = len(weights)
    reader.require(
        len(weight_scales) in (1, channels), "a scale per channel or one", len(weight_scales)
    )
    wide = weights.astype(np.int64)
    folded = biases.astype(np.int64) - source.zero_point * wide.sum(axis=1)
    reach = np.abs(folded) + 128 * np.abs(wide).sum(axis=1)
    weighted = reach[wide.any(axis=1)].max(initial=0)
    reader.require(weighted < SUM_LIMIT, "sums below 2^30", int(weighted))
    # In double precision, as TensorFlow Lite Micro multiplies them.
    products = np.broadcast_to(source.scale * weight_scales.astype(np.float64), channels)
    table = np.empty((channels, 3), np.int32)
    for channel, product in enumerate(products):
        factor = float(product) / result.scale
        multiplier, shift = quantised_multiplier(factor)
        bias, largest = int(folded[channel]), int(reach[channel])
        if not wide[channel].any():
            # The output is constant; a pruned channel may have any factor, so it is replaced.
            reader.require(abs(bias) << max(-shift, 0) < 1 << 31, "sums within int32", bias)
            constant = min(max(rescaled(bias, multiplier, shift), -256), 256)
            bias, multiplier, shift = 4 * constant, 1 << 30, 1
        elif shift > LARGEST_SHIFT and rescaled(largest, multiplier, shift) == 0:
            # So small that every output is the zero point.
            multiplier, shift = 0, 1
        elif multiplier == 0:
            shift = 1
        reader.require(shift >= 1, "rescaling factors below a half", factor)
        reader.require(shift <= LARGEST_SHIFT, f"right shifts up to {LARGEST_SHIFT}", shift)
        table[channel] = bias, multiplier, shift - 1
    minimum, maximum = activation_range(
        reader.options.fusedActivationFunction, result.scale, result.zero_point
    )
    return table, {"zero_point": result.zero_point, "minimum": minimum, "maximum": maximum}
