"""AVERAGE_POOL_2D along time."""

from pskd_tf.export.plain_c.activation_range import activation_range
from pskd_tf.export.plain_c.operator_reader import OperatorReader
from pskd_tf.export.plain_c.plain_layer import PlainLayer
from pskd_tf.export.plain_c.time_window import TimeWindow


def read_average_pool(reader: OperatorReader) -> PlainLayer:
    """Reads an average pooling with a window of `(taps, 1)`.

    Args:
        reader: The operator.

    Returns:
        The layer. Rows outside the input are not counted, so it needs no padding.

    Raises:
        UserError: What the kernel does not compute.
    """
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    kernel = (reader.options.filterHeight, reader.options.filterWidth)
    window = TimeWindow.read(reader, kernel, source.rows, result.rows)
    same = (source.scale, source.zero_point) == (result.scale, result.zero_point)
    reader.require(same, "the scale of its input", f"{source.scale} to {result.scale}")
    minimum, maximum = activation_range(
        reader.options.fusedActivationFunction, result.scale, result.zero_point
    )
    return PlainLayer(
        kind="average_pool",
        operator=reader.name,
        sources=(reader.sources[0],),
        result=reader.result,
        fields={
            "input_rows": source.rows,
            "positions": window.positions,
            "channels": source.channels,
            "taps": window.taps,
            "stride": window.stride,
            "head": window.head,
            "minimum": minimum,
            "maximum": maximum,
        },
        arrays={},
    )
