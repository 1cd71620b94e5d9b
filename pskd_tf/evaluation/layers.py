"""Each layer of the int8 model: its size, its multiply-accumulates and its noise.

`layer_noise` compares the outputs of each int8 layer with those of the float model; `layer_table`
puts them beside the sizes from the flatbuffer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
from ai_edge_litert.tools import flatbuffer_utils

from data_prep.errors import UserError
from pskd_tf.evaluation.flatbuffers import read_flatbuffer
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_tensors

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
    """Reads every operator of a flatbuffer.

    Args:
        tflite: The flatbuffer's bytes.
        noise: From `layer_noise`: the layers that are convolutions, dense or pools, in order.

    Returns:
        One row per operator, in order.
    """
    model = read_flatbuffer(tflite)
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


_OPERATORS = {
    "Conv2D": "CONV_2D",
    "DepthwiseConv2D": "DEPTHWISE_CONV_2D",
    "Dense": "FULLY_CONNECTED",
    "AveragePooling2D": "AVERAGE_POOL_2D",
    "MaxPooling2D": "MAX_POOL_2D",
}
# The layers that the converter folds into the operator before them.
_FOLDED = ("BatchNormalization", "ReLU", "Activation")


def layer_outputs(model: keras.Model, clips: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    """Runs a model and returns the output of each convolution, dense layer and pool.

    Args:
        model: A functional Keras 3 student.
        clips: `(clips, steps, 1, channels)` float32, in g.

    Returns:
        One `(layer, operator, values)` per such layer, in order, after the BatchNorm and the ReLU
        that the converter folds into it; values `(clips, ...)` float32.
    """
    chosen = []
    for layer in model.layers:
        operator = _OPERATORS.get(type(layer).__name__)
        if operator:
            chosen.append((layer.name, operator, _behind(model, layer).output))
    outputs = keras.Model(model.input, [tensor for _, _, tensor in chosen])(clips, training=False)
    return [
        (name, operator, keras.ops.convert_to_numpy(values))
        for (name, operator, _), values in zip(chosen, outputs, strict=True)
    ]


def _behind(model: keras.Model, layer: keras.layers.Layer) -> keras.layers.Layer:
    for other in model.layers:
        if type(other).__name__ in _FOLDED and other.input is layer.output:
            return _behind(model, other)
    return layer


def layer_noise(tflite: bytes, model: keras.Model, clips: np.ndarray) -> dict[str, float]:
    """Compares every layer's output of the int8 graph with the float model's.

    The ratio is `10 log10(sum f^2 / sum (f - q)^2)` over all values of all clips; errors of
    earlier layers count in later ones, as on the board.

    Args:
        tflite: The flatbuffer's bytes.
        model: The Keras 3 student whose weights it was made from.
        clips: `(clips, steps, 1, channels)` float32, in g.

    Returns:
        Signal to noise in dB by layer, in order; at most 200, which stands for no difference.

    Raises:
        UserError: The graph's operators are not the model's layers.
    """
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(clips, interface.input_scale, interface.input_zero_point)
    floats = layer_outputs(model, clips)
    known = {operator for _, operator, _ in floats}
    ints = [(name, values) for name, values in tflm_tensors(tflite, quantised) if name in known]
    layers, operators = [kind for _, kind, _ in floats], [name for name, _ in ints]
    if layers != operators:
        rule = f"The int8 graph must hold the model's layers ({', '.join(layers)})"
        raise UserError(rule, ", ".join(operators) or "none")
    noise = {}
    for (name, _, expected), (_, values) in zip(floats, ints, strict=True):
        expected = expected.astype(np.float64)
        error = np.sum((expected - values.reshape(expected.shape)) ** 2)
        signal = np.sum(expected**2)
        # 200 dB for equal outputs, all zeros included; -200 dB for noise without a signal.
        ratio = 10 * np.log10(max(signal, 1e-300) / error) if error else 200.0
        noise[name] = float(np.clip(ratio, -200, 200))
    return noise
