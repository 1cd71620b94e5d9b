"""Operators of a student's flatbuffer, one at a time, checked against what plain C computes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from data_prep.errors import UserError

_SAME = 0


@dataclass(frozen=True)
class PlainTensor:
    """An int8 signal: rows of channels.

    Attributes:
        rows: Steps along time; 1 for a vector.
        channels: Values of a step.
        scale: Value of one step of int8; a float32 value.
        zero_point: The int8 value that stands for 0, and that pads.
    """

    rows: int
    channels: int
    scale: float
    zero_point: int

    @property
    def size(self) -> int:
        """Bytes."""
        return self.rows * self.channels


class OperatorReader:
    """One operator of a flatbuffer with its tensors.

    Attributes:
        name: The operator's name: `CONV_2D`.
        options: Its options.
        sources: Its input tensors' numbers; -1 is absent.
        result: Its output tensor's number.
    """

    def __init__(self, model: Any, position: int):
        self._model, self._graph, self._position = model, model.subgraphs[0], position
        operator = self._graph.operators[position]
        self.name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex) or "unknown"
        self.options = operator.builtinOptions
        self.sources = [int(number) for number in operator.inputs]
        self.result = int(operator.outputs[0])

    def require(self, holds: bool, rule: str, received: object) -> None:
        """Raises a `UserError` that names the operator unless `holds`.

        Args:
            holds: Whether the rule is kept.
            rule: The requirement of plain C on this operator.
            received: What the operator has instead.
        """
        if not holds:
            raise UserError(f"Plain C needs {rule}", f"{self.name} {self._position}, {received}")

    def activation(self, number: int) -> PlainTensor:
        """Reads an int8 tensor `(1, rows, 1, channels)` or `(1, channels)`."""
        tensor = self._graph.tensors[number]
        shape = [int(size) for size in tensor.shape]
        kind = flatbuffer_utils.type_to_name(tensor.type)
        fits = (len(shape) == 4 and shape[0] == shape[2] == 1) or (
            len(shape) == 2 and shape[0] == 1
        )
        rule = "int8 signals (1, rows, 1, channels) or (1, channels)"
        self.require(kind == "INT8" and fits, rule, f"{kind} {shape}")
        data = self._model.buffers[tensor.buffer].data
        self.require(data is None or not len(data), "signals that are computed", "a constant")
        scales = None if tensor.quantization is None else tensor.quantization.scale
        scales = [] if scales is None else scales
        self.require(len(scales) == 1, "one scale for each signal", f"{len(scales)} scales")
        return PlainTensor(
            rows=shape[1] if len(shape) == 4 else 1,
            channels=shape[-1],
            scale=float(np.float32(scales[0])),
            zero_point=int(tensor.quantization.zeroPoint[0]),
        )

    def weights(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Reads constant int8 weights; returns them and their float32 scales."""
        tensor = self._graph.tensors[number]
        kind = flatbuffer_utils.type_to_name(tensor.type)
        self.require(kind == "INT8", "int8 weights", kind)
        values = self._constant(tensor, np.int8)
        zero_points = np.asarray(tensor.quantization.zeroPoint)
        self.require(not zero_points.any(), "weights with zero point 0", zero_points)
        return values, np.asarray(tensor.quantization.scale, np.float32)

    def biases(self, number: int, channels: int) -> np.ndarray:
        """Reads constant int32 biases `(channels,)`; zeros if the tensor is absent."""
        if number < 0:
            return np.zeros(channels, np.int32)
        tensor = self._graph.tensors[number]
        kind = flatbuffer_utils.type_to_name(tensor.type)
        self.require(kind == "INT32", "int32 biases", kind)
        return self._constant(tensor, np.int32)

    def _constant(self, tensor: Any, kind: type) -> np.ndarray:
        data = self._model.buffers[tensor.buffer].data
        self.require(data is not None and len(data) > 0, "constant weights and biases", "computed")
        little = np.dtype(kind).newbyteorder("<")
        return np.frombuffer(bytes(data), little).astype(kind).reshape(tensor.shape)


@dataclass(frozen=True)
class TimeWindow:
    """Windows along time.

    Attributes:
        taps: Rows of a window.
        stride: Rows from one window to the next.
        positions: Windows.
        head: Rows that the first window reaches before the signal.
        tail: Rows that the last window reaches beyond the signal.
    """

    taps: int
    stride: int
    positions: int
    head: int
    tail: int

    @classmethod
    def read(
        cls, reader: OperatorReader, kernel: tuple[int, int], rows: int, positions: int
    ) -> "TimeWindow":
        """Reads an operator's padding and strides in TensorFlow Lite's sense.

        Args:
            reader: A convolution or a pooling.
            kernel: Its kernel along time and along the width.
            rows: Rows of its input.
            positions: Rows of its output.

        Returns:
            The windows.

        Raises:
            UserError: A kernel wider than 1, a dilation, or an output length that does not
                follow from the padding.
        """
        options = reader.options
        taps, stride = int(kernel[0]), int(options.strideH)
        reader.require(kernel[1] == 1, "kernels (taps, 1)", f"kernel {tuple(map(int, kernel))}")
        dilation = getattr(options, "dilationHFactor", 1)
        reader.require(dilation == 1, "no dilation", f"dilation {dilation}")
        if options.padding == _SAME:
            expected = -(-rows // stride)
            reach = (positions - 1) * stride + taps
            head = max(reach - rows, 0) // 2
        else:
            expected = (rows - taps) // stride + 1
            head = 0
        reader.require(positions == expected, f"{expected} output rows", positions)
        tail = max((positions - 1) * stride + taps - head - rows, 0)
        return cls(taps, stride, positions, head, tail)
