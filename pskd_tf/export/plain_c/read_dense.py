"""CONV_2D along time and FULLY_CONNECTED as one kind of layer."""

import numpy as np

from pskd_tf.export.plain_c.fold_layer import fold_layer
from pskd_tf.export.plain_c.operator_reader import OperatorReader
from pskd_tf.export.plain_c.pack_dense_weights import pack_dense_weights
from pskd_tf.export.plain_c.plain_layer import PlainLayer
from pskd_tf.export.plain_c.time_window import TimeWindow


def read_dense(reader: OperatorReader) -> PlainLayer:
    """Reads a convolution with kernel `(taps, 1)` or a fully connected layer.

    With a width of 1 the window of a convolution is one run of bytes, so both are products of a
    matrix and such runs; a fully connected layer has one.

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
        reader.require(weights.shape[1] == source.size, "one vector", f"weights {weights.shape}")
        reader.require(reader.options.weightsFormat == 0, "plain weights", "shuffled ones")
        window, step = TimeWindow(1, 1, 1, 0, 0), source.size
    rows = weights.reshape(len(weights), -1)
    bias = reader.sources[2] if len(reader.sources) > 2 else -1
    scales, limits = fold_layer(
        reader, rows, weight_scales, reader.biases(bias, len(rows)), source, result
    )
    inputs = rows.shape[1]
    depth = -(-inputs // 8) * 8
    return PlainLayer(
        kind="dense",
        operator=reader.name,
        sources=(reader.sources[0],),
        result=reader.result,
        fields={
            "positions": window.positions,
            "channels": len(rows),
            "step": step,
            "depth": depth,
            **limits,
        },
        arrays={"weights": pack_dense_weights(rows), "scales": scales},
        head=window.head * source.channels,
        tail=window.tail * source.channels,
        slack=depth - inputs,
        scratch=2 * depth * min(window.positions, 2),
        macs=window.positions * int(np.prod(rows.shape)),
    )
