"""The int8 graph of a student as calls of the kernels in `plain_kernels.c`.

`read_graph` reads the operators of a flatbuffer in order, each with its function in
`weighted_layers` or `signal_layers`.
"""

from dataclasses import dataclass, replace

from data_prep.errors import UserError
from pskd_tf.evaluation.flatbuffers import read_flatbuffer
from pskd_tf.export.plain_c.arithmetic import widen_dense_weights
from pskd_tf.export.plain_c.operators import OperatorReader, PlainLayer, PlainTensor
from pskd_tf.export.plain_c.signal_layers import (
    read_add,
    read_average_pool,
    read_max_pool,
    read_mean,
    read_pad,
    read_reduce_max,
    read_tanh,
)
from pskd_tf.export.plain_c.weighted_layers import read_dense, read_depthwise


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


_READERS = {
    "ADD": read_add,
    "AVERAGE_POOL_2D": read_average_pool,
    "CONV_2D": read_dense,
    "DEPTHWISE_CONV_2D": read_depthwise,
    "FULLY_CONNECTED": read_dense,
    "MAX_POOL_2D": read_max_pool,
    "MEAN": read_mean,
    "PAD": read_pad,
    "REDUCE_MAX": read_reduce_max,
    "TANH": read_tanh,
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
