"""The int8 graph of a student as calls of the kernels in `plain_kernels.c`.

`read_graph` reads the operators of a flatbuffer in order; one function for each kind of operator
checks that the kernels can compute it and prepares its tables.
"""

from dataclasses import dataclass, replace

import numpy as np

from data_prep.errors import UserError
from pskd_tf.evaluation.flatbuffers import read_flatbuffer
from pskd_tf.export.plain_c.arithmetic import (
    LARGEST_SHIFT,
    SUM_LIMIT,
    activation_range,
    pack_dense_weights,
    quantised_multiplier,
    rescaled,
    widen_dense_weights,
)
from pskd_tf.export.plain_c.operators import OperatorReader, PlainTensor, TimeWindow


@dataclass(frozen=True)
class PlainLayer:
    """A call of one kernel of `plain_kernels.c`.

    Attributes:
        kind: `dense`, `dense_wide`, `depthwise`, `average_pool` or `add`.
        operator: The flatbuffer's operator, for comments: `CONV_2D`.
        sources: The tensors it reads.
        result: The tensor it writes.
        fields: Scalars of the kernel's C struct, by name, in its order.
        arrays: Tables of the struct, by name, in its order: int8 or int16 weights and the int32
            `(channels, 3)` of `PskdPlainChannel`.
        head: Bytes of padding read before its sources.
        tail: Bytes of padding read after its sources.
        slack: Bytes read beyond the padding, of any content.
        scratch: Bytes of working memory.
        macs: Multiply-accumulates, padding counted as work.
    """

    kind: str
    operator: str
    sources: tuple[int, ...]
    result: int
    fields: dict[str, object]
    arrays: dict[str, np.ndarray]
    head: int = 0
    tail: int = 0
    slack: int = 0
    scratch: int = 0
    macs: int = 0


@dataclass(frozen=True)
class PlainGraph:
    """Layers in the order they run, and the tensors between them.

    Attributes:
        tensors: By number; tensors that share memory (reshapes) are one.
        layers: The steps.
        source: The input of the model.
        result: The output of the model.
    """

    tensors: dict[int, PlainTensor]
    layers: tuple[PlainLayer, ...]
    source: int
    result: int


def read_graph(tflite: bytes) -> PlainGraph:
    """Reads an int8 flatbuffer whose signals run along time with a width of 1.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        The program. RESHAPE costs nothing: its input and output are one tensor.

    Raises:
        UserError: An operator, or a use of one, that plain C does not compute; it is named.
    """
    model = read_flatbuffer(tflite)
    if len(model.subgraphs) != 1:
        raise UserError("A student's graph has no control flow", f"{len(model.subgraphs)} graphs")
    graph = model.subgraphs[0]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        received = f"{len(graph.inputs)} inputs, {len(graph.outputs)} outputs"
        raise UserError("Plain C needs one input and one output", received)
    same_as: dict[int, int] = {}
    tensors: dict[int, PlainTensor] = {}
    layers = []
    for position in range(len(graph.operators)):
        reader = OperatorReader(model, position)
        if reader.name == "RESHAPE":
            source = same_as.get(reader.sources[0], reader.sources[0])
            tensors.setdefault(source, reader.activation(reader.sources[0]))
            reader.activation(reader.result)
            same_as[reader.result] = source
            continue
        known = ", ".join(sorted([*_READERS, "RESHAPE"]))
        reader.require(reader.name in _READERS, known, "which is none of them")
        layer = _layer(reader)
        for number in (*layer.sources, layer.result):
            tensors.setdefault(same_as.get(number, number), reader.activation(number))
        sources = tuple(same_as.get(number, number) for number in layer.sources)
        layers.append(replace(layer, sources=sources))
    source, result = int(graph.inputs[0]), int(graph.outputs[0])
    return PlainGraph(tensors, tuple(layers), source, same_as.get(result, result))


def _layer(reader: OperatorReader) -> PlainLayer:
    try:
        return _READERS[reader.name](reader)
    except UserError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # A damaged flatbuffer: options of another operator, shapes that contradict each other.
        rule = "Plain C needs operators whose options and shapes fit each other"
        raise UserError(rule, f"{reader.name}: {type(error).__name__}: {error}") from error


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
    """Reads a convolution with kernel `(taps, 1)` or a fully connected layer.

    With a width of 1 the window of a convolution is one run of bytes, so both are products of a
    matrix with runs of bytes; a fully connected layer has one run.

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
        arrays={
            # Helium loads 32 bytes at a time; a last half of them reads on.
            "weights": np.pad(pack_dense_weights(rows), (0, 2 * (depth % 16))),
            "scales": np.pad(scales, [(0, len(rows) % 2), (0, 0)]),
        },
        head=window.head * source.channels,
        tail=window.tail * source.channels,
        slack=depth - inputs,
        scratch=dense_scratch(window.positions, depth),
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
    reach = (window.positions - 1) * window.stride
    dsp = helium = 0
    if window.taps < 8 and window.stride <= 2:
        dsp = 4 * 4 * ((reach + window.taps + 8) // 2) + 4 * 8 * 2
    if 3 * window.stride + window.taps <= 16:
        helium = 32 + -(-(reach + 16) // 4) * 4
    return max(dsp, helium)


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


_READERS = {
    "ADD": read_add,
    "AVERAGE_POOL_2D": read_average_pool,
    "CONV_2D": read_dense,
    "DEPTHWISE_CONV_2D": read_depthwise,
    "FULLY_CONNECTED": read_dense,
}


def widen_graph(graph: PlainGraph) -> PlainGraph:
    """Gives the convolutions weights in int16, for the DSP extension.

    Fully connected layers keep int8: a weight is used once there, which gains nothing.

    Args:
        graph: The program.

    Returns:
        The program with `dense_wide` in place of `dense` where there are several output rows.
    """
    layers = []
    for layer in graph.layers:
        if layer.kind == "dense" and layer.fields["positions"] != 1:
            weights = widen_dense_weights(layer.arrays["weights"])
            layer = replace(layer, kind="dense_wide", arrays=layer.arrays | {"weights": weights})
        layers.append(layer)
    return replace(graph, layers=tuple(layers))
