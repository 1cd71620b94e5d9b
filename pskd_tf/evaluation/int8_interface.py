"""What a caller of an int8 flatbuffer must know: shapes, scales and zero points."""

from dataclasses import dataclass

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from data_prep.user_error import UserError


@dataclass(frozen=True)
class Int8Interface:
    """The input and output tensor of a classifier in int8.

    Attributes:
        input_shape: `(steps, 1, channels)`, without the batch of 1.
        num_classes: Width of the output.
        input_scale: Step of the int8 input, in g; a float32 value.
        input_zero_point: The int8 value that stands for 0 g.
        output_scale: Step of the int8 logits; a float32 value.
        output_zero_point: The int8 value that stands for a logit of 0.
    """

    input_shape: tuple[int, int, int]
    num_classes: int
    input_scale: float
    input_zero_point: int
    output_scale: float
    output_zero_point: int

    @classmethod
    def read(cls, tflite: bytes) -> "Int8Interface":
        """Reads the interface of a flatbuffer.

        Args:
            tflite: The flatbuffer's bytes.

        Returns:
            The interface.

        Raises:
            UserError: Not one int8 input `(1, steps, 1, channels)` and one int8 output
                `(1, num_classes)`.
        """
        graph = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite)).subgraphs[0]
        rule = "A student's graph has one int8 input (1, steps, 1, channels) and one int8 output"
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise UserError(rule, f"{len(graph.inputs)} inputs, {len(graph.outputs)} outputs")
        source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
        types = [flatbuffer_utils.type_to_name(tensor.type) for tensor in (source, result)]
        shapes = [[int(size) for size in tensor.shape] for tensor in (source, result)]
        fits = len(shapes[0]) == 4 and shapes[0][0] == shapes[0][2] == 1
        if types != ["INT8", "INT8"] or not fits or len(shapes[1]) != 2 or shapes[1][0] != 1:
            raise UserError(rule, f"{types[0]} {shapes[0]} to {types[1]} {shapes[1]}")
        return cls(
            input_shape=tuple(shapes[0][1:]),
            num_classes=shapes[1][1],
            input_scale=float(np.float32(source.quantization.scale[0])),
            input_zero_point=int(source.quantization.zeroPoint[0]),
            output_scale=float(np.float32(result.quantization.scale[0])),
            output_zero_point=int(result.quantization.zeroPoint[0]),
        )
