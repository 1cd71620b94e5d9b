"""Operators of a student's flatbuffer, one at a time, checked against what plain C computes.

`OperatorReader` reads one, `PlainLayer` is the call of a kernel that comes of it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from data_prep.errors import UserError

_SAME = 0
_LONGEST_REACH = 1 << 15


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

    def layer(
        self, kind: str, fields: dict[str, Any], arrays: dict[str, np.ndarray] | None = None
    ) -> "PlainLayer":
        """Makes the layer of this operator, with its first input as the only signal that it reads.

        Args:
            kind: Name of the kernel.
            fields: As `PlainLayer` has them.
            arrays: As `PlainLayer` has them; none by default.
        """
        sources = (self.sources[0],)
        return PlainLayer(kind, self.name, sources, self.result, fields, arrays or {})

    def activation(self, number: int) -> PlainTensor:
        """Reads an int8 tensor whose axes but one and the last, the channels, have a length of 1.

        Such are `(1, rows, 1, channels)`, `(1, 1, rows, channels)` and `(1, channels)`.
        """
        tensor = self._graph.tensors[number]
        shape = [int(size) for size in tensor.shape]
        kind = flatbuffer_utils.type_to_name(tensor.type)
        fits = 2 <= len(shape) <= 4 and sum(size > 1 for size in shape[:-1]) <= 1
        rule = "int8 signals (1, rows, 1, channels) or (1, channels)"
        self.require(kind == "INT8" and fits, rule, f"{kind} {shape}")
        data = self._model.buffers[tensor.buffer].data
        self.require(data is None or not len(data), "signals that are computed", "a constant")
        scales = None if tensor.quantization is None else tensor.quantization.scale
        scales = [] if scales is None else scales
        self.require(len(scales) == 1, "one scale for each signal", f"{len(scales)} scales")
        return PlainTensor(
            rows=max(shape[:-1]),
            channels=shape[-1],
            scale=float(np.float32(scales[0])),
            zero_point=int(tensor.quantization.zeroPoint[0]),
        )

    def runs_across(self, kernel: tuple[int, int]) -> bool:
        """Returns whether time is the third axis of the input, as after a `Conv1D`.

        Args:
            kernel: The operator's kernel along the second and the third axis.
        """
        shape = self._graph.tensors[self.sources[0]].shape
        return bool(shape[2] > 1 or (shape[1] == 1 and kernel[1] > 1))

    def reduced_axes(self) -> tuple[int, ...]:
        """Reads the axes that the operator reduces, its second input, from the first axis on."""
        rank = self.rank(self.sources[0])
        return tuple(sorted(int(axis) % rank for axis in self.integers(self.sources[1]).ravel()))

    def rank(self, number: int) -> int:
        """Returns how many axes a tensor has."""
        return len(self._graph.tensors[number].shape)

    def integers(self, number: int) -> np.ndarray:
        """Reads a constant int32 tensor, such as axes."""
        tensor = self._graph.tensors[number]
        kind = flatbuffer_utils.type_to_name(tensor.type)
        self.require(kind == "INT32", "int32 axes and paddings", kind)
        return self._constant(tensor, np.int32)

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
        shape = () if tensor.shape is None else tensor.shape
        return np.frombuffer(bytes(data), little).astype(kind).reshape(shape)


@dataclass(frozen=True)
class PlainLayer:
    """A call of one kernel of `plain_kernels.c`.

    Attributes:
        kind: The kernel, without `pskd_plain_`: `dense`, `max_pool`.
        operator: The flatbuffer's operator, for comments: `CONV_2D`.
        sources: The tensors it reads.
        result: The tensor it writes.
        fields: Scalars of the kernel's C struct, by name, in its order.
        arrays: Tables of the struct, by name, in its order: `weights` of int8 or int16, `scales`,
            the int32 `(channels, 3)` of `PskdPlainChannel`, and `table` of int8.
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
class TimeWindow:
    """Windows along time.

    Attributes:
        taps: Rows of a window.
        stride: Rows from one window to the next.
        positions: Windows.
        head: Rows that the first window reaches before the signal.
        tail: Rows that the last window reaches beyond the signal.
        dilation: Rows from one row of a window to the next.
    """

    taps: int
    stride: int
    positions: int
    head: int
    tail: int
    dilation: int = 1

    @property
    def reach(self) -> int:
        """Rows from the first row of a window to its last one, both included."""
        return (self.taps - 1) * self.dilation + 1

    @classmethod
    def read(
        cls, reader: OperatorReader, kernel: tuple[int, int], rows: int, positions: int
    ) -> "TimeWindow":
        """Reads an operator's padding, strides and dilation in TensorFlow Lite's sense.

        Args:
            reader: A convolution or a pooling.
            kernel: Its kernel along the second and the third axis of its input; time is one.
            rows: Rows of its input.
            positions: Rows of its output.

        Returns:
            The windows.

        Raises:
            UserError: A kernel that reaches over more than time, or an output length that does not
                follow from the padding.
        """
        options = reader.options
        across = reader.runs_across(kernel)
        taps, width = (int(size) for size in (kernel[::-1] if across else kernel))
        stride = int(options.strideW if across else options.strideH)
        dilation = int(getattr(options, f"dilation{'W' if across else 'H'}Factor", 1))
        reader.require(width == 1, "kernels (taps, 1)", f"kernel {tuple(map(int, kernel))}")
        reach = (taps - 1) * dilation + 1
        reader.require(0 < reach <= _LONGEST_REACH, f"windows up to {_LONGEST_REACH} rows", reach)
        if options.padding == _SAME:
            expected = -(-rows // stride)
            head = max((positions - 1) * stride + reach - rows, 0) // 2
        else:
            expected = (rows - reach) // stride + 1
            head = 0
        reader.require(positions == expected, f"{expected} output rows", positions)
        tail = max((positions - 1) * stride + reach - head - rows, 0)
        return cls(taps, stride, positions, head, tail, dilation if taps > 1 else 1)
