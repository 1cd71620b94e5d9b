"""From a flatbuffer to the program that plain C runs."""

from dataclasses import replace

from ai_edge_litert.tools import flatbuffer_utils

from data_prep.user_error import UserError
from pskd_tf.export.plain_c.operator_reader import OperatorReader
from pskd_tf.export.plain_c.plain_graph import PlainGraph
from pskd_tf.export.plain_c.read_add import read_add
from pskd_tf.export.plain_c.read_average_pool import read_average_pool
from pskd_tf.export.plain_c.read_dense import read_dense
from pskd_tf.export.plain_c.read_depthwise import read_depthwise

_READERS = {
    "ADD": read_add,
    "AVERAGE_POOL_2D": read_average_pool,
    "CONV_2D": read_dense,
    "DEPTHWISE_CONV_2D": read_depthwise,
    "FULLY_CONNECTED": read_dense,
}


def read_graph(tflite: bytes) -> PlainGraph:
    """Reads an int8 flatbuffer whose signals run along time with a width of 1.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        The program. RESHAPE costs nothing: its input and output are one tensor.

    Raises:
        UserError: An operator, or a use of one, that plain C does not compute; it is named.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    if len(model.subgraphs) != 1:
        raise UserError("A student's graph has no control flow", f"{len(model.subgraphs)} graphs")
    graph = model.subgraphs[0]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        received = f"{len(graph.inputs)} inputs, {len(graph.outputs)} outputs"
        raise UserError("Plain C needs one input and one output", received)
    same_as: dict[int, int] = {}
    tensors, layers = {}, []
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
        layer = _READERS[reader.name](reader)
        for number in (*layer.sources, layer.result):
            tensors.setdefault(same_as.get(number, number), reader.activation(number))
        sources = tuple(same_as.get(number, number) for number in layer.sources)
        layers.append(replace(layer, sources=sources))
    source, result = int(graph.inputs[0]), int(graph.outputs[0])
    return PlainGraph(tensors, tuple(layers), source, same_as.get(result, result))
