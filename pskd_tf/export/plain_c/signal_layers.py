"""Layers without weights for plain C: pools, means, sums, tables, padding."""

from pskd_tf.export.plain_c.arithmetic import (
    activation_range,
    quantised_multiplier,
    tanh_table,
)
from pskd_tf.export.plain_c.operators import OperatorReader, PlainLayer, PlainTensor, TimeWindow


def read_average_pool(reader: OperatorReader) -> PlainLayer:
    """Reads an average pooling along time.

    Args:
        reader: The operator.

    Returns:
        The layer. Rows outside the input are not counted, so it needs no padding.

    Raises:
        UserError: What the kernel does not compute.
    """
    return _read_pool(reader, "average_pool")


def read_max_pool(reader: OperatorReader) -> PlainLayer:
    """Reads a max pooling along time; see `read_average_pool`."""
    return _read_pool(reader, "max_pool")


def read_reduce_max(reader: OperatorReader) -> PlainLayer:
    """Reads the maximum over time: a max pooling with one window of all rows.

    Args:
        reader: The operator.

    Returns:
        The layer.

    Raises:
        UserError: What the kernel does not compute.
    """
    source, _ = _reduced(reader)
    window = TimeWindow(source.rows, source.rows, 1, 0, 0)
    return _pool(reader, "max_pool", window, (-128, 127))


def _read_pool(reader: OperatorReader, kind: str) -> PlainLayer:
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    kernel = (reader.options.filterHeight, reader.options.filterWidth)
    window = TimeWindow.read(reader, kernel, source.rows, result.rows)
    limits = activation_range(
        reader.options.fusedActivationFunction, result.scale, result.zero_point
    )
    return _pool(reader, kind, window, limits)


def _pool(
    reader: OperatorReader, kind: str, window: TimeWindow, limits: tuple[int, int]
) -> PlainLayer:
    source, _ = _of_one_scale(reader)
    return reader.layer(
        kind=kind,
        fields={
            "input_rows": source.rows,
            "positions": window.positions,
            "channels": source.channels,
            "taps": window.taps,
            "stride": window.stride,
            "head": window.head,
            "minimum": limits[0],
            "maximum": limits[1],
        },
    )


def _of_one_scale(reader: OperatorReader) -> tuple[PlainTensor, PlainTensor]:
    """Returns input and output of an operator that must not rescale."""
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    same = (source.scale, source.zero_point) == (result.scale, result.zero_point)
    reader.require(same, "the scale of its input", f"{source.scale} to {result.scale}")
    return source, result


def _reduced(reader: OperatorReader) -> tuple[PlainTensor, PlainTensor]:
    """Returns input and output of a reduction over time, all other axes but the channels."""
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    axes = reader.reduced_axes()
    over_time = reader.rank(reader.sources[0]) - 1 not in axes and result.rows == 1
    rule = "reductions over time alone"
    reader.require(over_time and result.channels == source.channels, rule, f"axes {axes}")
    return source, result


def read_mean(reader: OperatorReader) -> PlainLayer:
    """Reads the mean over time.

    Follows TensorFlow Lite's `QuantizedMeanOrSum`: the division is part of the multiplier.

    Args:
        reader: The operator.

    Returns:
        The layer.

    Raises:
        UserError: What the kernel does not compute.
    """
    source, result = _reduced(reader)
    multiplier, shift = quantised_multiplier(source.scale / result.scale)
    reader.require(-shift <= 16, "scales of the mean down to 2^-16", result.scale)
    part = min(source.rows.bit_length() - 1, 32, 31 - shift)
    multiplier, shift = (multiplier << part) // source.rows, shift + part
    left = max(-shift, 0)
    reader.require(255 * source.rows << left < 1 << 31, "sums within int32", source.rows)
    return reader.layer(
        kind="mean",
        fields={
            "rows": source.rows,
            "channels": source.channels,
            "zero_points": (source.zero_point, result.zero_point),
            "multiplier": multiplier,
            "shifts": (left, max(shift, 0)),
        },
    )


def read_tanh(reader: OperatorReader) -> PlainLayer:
    """Reads a hyperbolic tangent as a table of its 256 outputs.

    Args:
        reader: The operator.

    Returns:
        The layer.

    Raises:
        UserError: The output has another scale than 1 / 128.
    """
    source, result = reader.activation(reader.sources[0]), reader.activation(reader.result)
    fits = (result.scale, result.zero_point) == (1 / 128, 0)
    reader.require(fits, "outputs of scale 1/128", f"{result.scale}, {result.zero_point}")
    return reader.layer(
        kind="lookup",
        fields={"size": source.size},
        arrays={"table": tanh_table(source.scale, source.zero_point)},
    )


def read_pad(reader: OperatorReader) -> PlainLayer:
    """Reads a padding with zeros before and after the rows.

    Args:
        reader: The operator.

    Returns:
        The layer.

    Raises:
        UserError: What the kernel does not compute.
    """
    source, result = _of_one_scale(reader)
    pads = reader.integers(reader.sources[1])
    rows = [pair for pair in pads.tolist() if any(pair)] or [[0, 0]]
    along_time = len(rows) == 1 and not pads[-1].any() and min(rows[0]) >= 0
    fits = along_time and sum(rows[0]) + source.rows == result.rows
    reader.require(fits, "padding along time alone", pads.tolist())
    return reader.layer(
        kind="pad",
        fields={
            "head": rows[0][0] * source.channels,
            "size": source.size,
            "tail": rows[0][1] * source.channels,
            "zero_point": result.zero_point,
        },
    )


# TensorFlow Lite adds int8 with this many bits of fraction.
_FRACTION_BITS = 20


def read_add(reader: OperatorReader) -> PlainLayer:
    """Reads an addition without broadcasting.

    Args:
        reader: The operator.

    Returns:
        The layer.

    Raises:
        UserError: What the kernel does not compute.
    """
    sources = [reader.activation(number) for number in reader.sources]
    result = reader.activation(reader.result)
    shapes = [(tensor.rows, tensor.channels) for tensor in (*sources, result)]
    reader.require(len(set(shapes)) == 1, "tensors of one shape", shapes)
    largest = 2 * max(tensor.scale for tensor in sources)
    pairs = [quantised_multiplier(tensor.scale / largest) for tensor in sources]
    factor = largest / ((1 << _FRACTION_BITS) * result.scale)
    multiplier, shift = quantised_multiplier(factor)
    reader.require(shift >= 0, "an output no finer than its fraction bits", factor)
    minimum, maximum = activation_range(
        reader.options.fusedActivationFunction, result.scale, result.zero_point
    )
    return PlainLayer(
        kind="add",
        operator=reader.name,
        sources=tuple(reader.sources),
        result=reader.result,
        fields={
            "size": result.size,
            "zero_points": tuple(tensor.zero_point for tensor in sources),
            "multipliers": tuple(pair[0] for pair in pairs),
            "shifts": tuple(pair[1] for pair in pairs),
            "zero_point": result.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "minimum": minimum,
            "maximum": maximum,
        },
        arrays={},
    )
