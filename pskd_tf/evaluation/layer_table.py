"""What every operator of an int8 graph holds and costs."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class LayerRow:
    """One operator of the graph.

    Attributes:
        layer: The model's layer, or the operator in lower case where it is none.
        operator: The operator.
        output_shape: Shape of the output, without the batch.
        parameters: Weights and biases.
        nonzero_share: Share of int8 weights that are not 0; None without weights.
        bytes: Bytes of the weights, the biases and their scales and zero points.
        macs: Multiply-accumulates.
        snr_db: Signal to noise of the output; None where it was not measured.
    """

    layer: str
    operator: str
    output_shape: tuple[int, ...]
    parameters: int
    nonzero_share: float | None
    bytes: int
    macs: int
    snr_db: float | None


def layer_table(tflite: bytes, noise: Mapping[str, float]) -> list[LayerRow]:
    """Reads every operator off a flatbuffer.

    Args:
        tflite: The flatbuffer's bytes.
        noise: From `layer_noise`: the layers that are convolutions, dense or pools, in order.

    Returns:
        One row per operator, in order.
    """
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    graph = model.subgraphs[0]
    layers = iter(noise.items())
    rows = []
    for operator in graph.operators:
        kind = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        output = graph.tensors[operator.outputs[0]]
        shape = tuple(int(size) for size in output.shape[1:])
        name, snr = (kind.lower(), None)
        if kind in _WEIGHTED or kind.endswith("POOL_2D"):
            name, snr = next(layers)
        parameters = size = macs = 0
        nonzero = None
        if kind in _WEIGHTED:
            used = [graph.tensors[index] for index in operator.inputs[1:] if index >= 0]
            parameters = sum(math.prod(map(int, one.shape)) for one in used)
            size = sum(_bytes(model, one) for one in used)
            kernel = np.asarray(model.buffers[used[0].buffer].data, np.uint8)
            nonzero = float(np.mean(kernel != 0))
            shared = math.prod(shape[:-1])  # positions
            macs = shared * math.prod(map(int, used[0].shape))
        rows.append(LayerRow(name, kind, shape, parameters, nonzero, size, macs, snr))
    return rows


def layer_table_lines(rows: list[LayerRow]) -> list[str]:
    """Formats the rows as a Markdown table with a line of sums.

    Args:
        rows: From `layer_table`.

    Returns:
        The lines.
    """
    lines = [
        "| layer | operator | output | parameters | non-zero | bytes | MACs | SNR dB |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        nonzero = "" if row.nonzero_share is None else f"{100 * row.nonzero_share:.0f} %"
        snr = "" if row.snr_db is None else f"{row.snr_db:.1f}"
        shape = " x ".join(map(str, row.output_shape))
        lines.append(
            f"| {row.layer} | {row.operator} | {shape} | {row.parameters:,} | {nonzero} | "
            f"{row.bytes:,} | {row.macs:,} | {snr} |"
        )
    sums = [sum(getattr(row, name) for row in rows) for name in ("parameters", "bytes", "macs")]
    lines.append(f"| all | | | {sums[0]:,} | | {sums[1]:,} | {sums[2]:,} | |")
    return lines


def _bytes(
    model: flatbuffer_utils.schema_fb.ModelT, tensor: flatbuffer_utils.schema_fb.TensorT
) -> int:
    data = model.buffers[tensor.buffer].data
    quantisation = tensor.quantization
    scales = 0 if quantisation.scale is None else len(quantisation.scale)
    points = 0 if quantisation.zeroPoint is None else len(quantisation.zeroPoint)
    return (0 if data is None else len(data)) + 4 * scales + 8 * points
