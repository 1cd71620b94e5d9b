"""The operators a graph runs, and those that TensorFlow Lite Micro runs in int8."""

from ai_edge_litert.tools import flatbuffer_utils

from data_prep.user_error import UserError

# Operators with an int8 kernel in TensorFlow Lite Micro, and the method of
# `tflite::MicroMutableOpResolver` that registers each.
RESOLVER_METHODS = {
    "ADD": "AddAdd",
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "CONCATENATION": "AddConcatenation",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "EXPAND_DIMS": "AddExpandDims",
    "FULLY_CONNECTED": "AddFullyConnected",
    "HARD_SWISH": "AddHardSwish",
    "LEAKY_RELU": "AddLeakyRelu",
    "LOGISTIC": "AddLogistic",
    "MAXIMUM": "AddMaximum",
    "MAX_POOL_2D": "AddMaxPool2D",
    "MEAN": "AddMean",
    "MINIMUM": "AddMinimum",
    "MUL": "AddMul",
    "PACK": "AddPack",
    "PAD": "AddPad",
    "PADV2": "AddPadV2",
    "PRELU": "AddPrelu",
    "QUANTIZE": "AddQuantize",
    "RELU": "AddRelu",
    "RELU6": "AddRelu6",
    "RESHAPE": "AddReshape",
    "SOFTMAX": "AddSoftmax",
    "SPLIT": "AddSplit",
    "SQUEEZE": "AddSqueeze",
    "STRIDED_SLICE": "AddStridedSlice",
    "SUB": "AddSub",
    "TANH": "AddTanh",
    "TRANSPOSE": "AddTranspose",
    "UNPACK": "AddUnpack",
}
# int32 holds biases, shapes and axes.
_TENSOR_TYPES = ("INT8", "INT32")


def tflm_operators(tflite: bytes) -> tuple[str, ...]:
    """Lists the operators of a graph and refuses those that a board could not run in int8.

    Read from the subgraph's operators: the table of operator codes may hold unused ones.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        The distinct operator names, sorted.

    Raises:
        UserError: An operator without an int8 kernel in TensorFlow Lite Micro, or one that reads
            or writes another type than int8 (int32 for biases and shapes); a graph with control
            flow (more than one subgraph).
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    if len(model.subgraphs) != 1:
        raise UserError("A student's graph has no control flow", f"{len(model.subgraphs)} graphs")
    graph = model.subgraphs[0]
    names = set()
    for operator in graph.operators:
        name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) or "unknown"
        if name not in RESOLVER_METHODS:
            raise UserError("Every operator needs an int8 kernel in TensorFlow Lite Micro", name)
        # -1 stands for an optional input that is absent, such as a bias.
        used = [index for index in [*operator.inputs, *operator.outputs] if index >= 0]
        types = {flatbuffer_utils.type_to_name(graph.tensors[index].type) for index in used}
        if not types <= set(_TENSOR_TYPES):
            wrong = ", ".join(sorted(types - set(_TENSOR_TYPES)))
            raise UserError("Every operator must run in int8", f"{name} with {wrong}")
        names.add(name)
    return tuple(sorted(names))
