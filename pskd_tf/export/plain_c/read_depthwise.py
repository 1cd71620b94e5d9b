"""DEPTHWISE_CONV_2D along time."""

from pskd_tf.export.plain_c.fold_layer import fold_layer
from pskd_tf.export.plain_c.operator_reader import OperatorReader
from pskd_tf.export.plain_c.plain_layer import PlainLayer
from pskd_tf.export.plain_c.time_window import TimeWindow


def read_depthwise(reader: OperatorReader) -> PlainLayer:
    """Reads a depthwise convolution with kernel `(taps, 1)` and multiplier 1.

    Args:
        reader: The operator.

    Returns:
        The layer; its weights stay `(taps, channels)`.

    Raises:
        UserError: What the kernel does not compute.
    """
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    weights, weight_scales = reader.weights(reader.sources[1])
    reader.require(weights.shape[3] == source.channels, "multiplier 1", f"weights {weights.shape}")
    window = TimeWindow.read(reader, weights.shape[1:3], source.rows, result.rows)
    taps_first = weights[0, :, 0, :]
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
            "depth": window.taps,
            **limits,
        },
        arrays={"weights": taps_first.ravel(), "scales": scales},
        head=window.head * source.channels,
        tail=window.tail * source.channels,
        macs=window.positions * taps_first.size,
    )
