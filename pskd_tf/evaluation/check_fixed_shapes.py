"""The refusal of graphs whose tensors have no fixed shape."""

from ai_edge_litert.tools import flatbuffer_utils

from data_prep.user_error import UserError


def check_fixed_shapes(tflite: bytes) -> None:
    """Refuses a graph with a tensor whose shape is only known when it runs.

    TensorFlow Lite Micro plans its arena once, so a batch of any size, as a converter leaves it
    that was given no batch of 1, cannot run there.

    Args:
        tflite: The flatbuffer's bytes.

    Raises:
        UserError: A tensor has an open dimension.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            signature = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
            shape = [int(size) for size in (signature if signature is not None else ())]
            if any(size < 0 for size in shape):
                rule = "Every tensor needs a fixed shape; convert with a batch of 1"
                raise UserError(rule, shape)
