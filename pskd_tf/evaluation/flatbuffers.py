"""TensorFlow Lite flatbuffers, checked before anything reads their parts."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from data_prep.errors import UserError

_BYTES_OF_TYPE = {"INT8": 1, "UINT8": 1, "INT16": 2, "INT32": 4, "INT64": 8, "FLOAT32": 4}


def read_flatbuffer(tflite: bytes) -> Any:
    """Reads a flatbuffer of TensorFlow Lite and checks that its parts fit each other.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        The model as objects: `subgraphs`, `buffers` and `operatorCodes`. Every number of a tensor,
        buffer or operator code is one that is there, every constant fills its shape, and every
        tensor has a shape, scales and as many zero points, which may be empty.

    Raises:
        UserError: It is cut, damaged or something else.
    """
    rule = "A model must be a whole flatbuffer of TensorFlow Lite"
    try:
        model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
        _fill_absent(model)
        wrong = next(_wrong_parts(model), None) if tflite[4:8] == b"TFL3" else "another format"
    except Exception as error:  # the generated reader checks nothing: struct.error, IndexError, ...
        raise UserError(rule, f"{type(error).__name__}: {error}") from error
    if wrong is not None:
        raise UserError(rule, wrong)
    return model


def _fill_absent(model: Any) -> None:
    """Puts empty vectors where the format leaves them out."""
    for graph in model.subgraphs:
        for tensor in graph.tensors or []:
            tensor.shape = [] if tensor.shape is None else tensor.shape
            kept = tensor.quantization or flatbuffer_utils.schema_fb.QuantizationParametersT()
            kept.scale = [] if kept.scale is None else kept.scale
            kept.zeroPoint = [] if kept.zeroPoint is None else kept.zeroPoint
            tensor.quantization = kept


def _wrong_parts(model: Any) -> Iterator[str]:
    if not model.subgraphs or not model.buffers:
        yield "no graph"
    for graph in model.subgraphs:
        tensors, operators = graph.tensors or [], graph.operators or []
        for number, tensor in enumerate(tensors):
            yield from (f"{wrong} in tensor {number}" for wrong in _wrong_tensor(model, tensor))
        if not _are_numbers(graph.inputs, 0, len(tensors)):
            yield "an input that is no tensor"
        if not _are_numbers(graph.outputs, 0, len(tensors)):
            yield "an output that is no tensor"
        for number, operator in enumerate(operators):
            is_known = 0 <= operator.opcodeIndex < len(model.operatorCodes or [])
            is_read = _are_numbers(operator.inputs, -1, len(tensors))
            if not is_known or not is_read or not _are_numbers(operator.outputs, 0, len(tensors)):
                yield f"operator {number} with tensors that are not there"


def _are_numbers(numbers: Sequence[int] | None, low: int, end: int) -> bool:
    # An empty vector is None in some versions of the reader.
    return numbers is not None and all(low <= number < end for number in numbers)


def _wrong_tensor(model: Any, tensor: Any) -> Iterator[str]:
    if not 0 <= tensor.buffer < len(model.buffers):
        yield "no buffer"
        return
    shape = [int(size) for size in tensor.shape]
    if any(size < 0 for size in shape):
        yield f"the shape {shape}"
    data, kind = model.buffers[tensor.buffer].data, flatbuffer_utils.type_to_name(tensor.type)
    size = _BYTES_OF_TYPE.get(kind or "")
    if data is not None and len(data) and size and len(data) != size * math.prod(shape):
        yield f"{len(data)} bytes for the shape {shape}"
    scales, points = tensor.quantization.scale, tensor.quantization.zeroPoint
    if len(points) != len(scales):
        yield "other zero points than scales"
    if not np.isfinite(scales).all() or (np.asarray(scales) <= 0).any():
        yield "a scale that is not positive"
