"""Int8 models in the TensorFlow Lite Micro interpreter, the reference for all int8 outputs.

`tflm_operators`, `Int8Interface` and `check_fixed_shapes` read and check a flatbuffer;
`quantise_input` and `tflm_logits` run it; `tflm_tensors` also returns the outputs of all layers;
`arena_bytes` measures its memory in a process of its own.
"""

import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils
from tflite_micro import runtime

from data_prep.errors import UserError
from pskd_tf.data.features import resample_clip, sensor_features
from pskd_tf.evaluation.flatbuffers import read_flatbuffer
from pskd_tf.input_settings import InputSettings

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
    "REDUCE_MAX": "AddReduceMax",
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
# Far above any student's need: a far too small arena crashes the process.
_MINIMUM_ARENA_BYTES = 1 << 20
# Preserved tensors never share memory.
_MINIMUM_TENSOR_ARENA_BYTES = 1 << 22


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
    model = read_flatbuffer(tflite)
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


def check_fixed_shapes(tflite: bytes) -> None:
    """Refuses a graph with a tensor of a shape that is only known when it runs.

    TensorFlow Lite Micro plans its arena once, so it cannot run a batch of any size, which a
    converter produces unless it is given a batch of 1.

    Args:
        tflite: The flatbuffer's bytes.

    Raises:
        UserError: A tensor has an open dimension.
    """
    model = read_flatbuffer(tflite)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            signature = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
            shape = [int(size) for size in (signature if signature is not None else ())]
            if any(size < 0 for size in shape):
                rule = "Every tensor needs a fixed shape; convert with a batch of 1"
                raise UserError(rule, shape)


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
        graph = read_flatbuffer(tflite).subgraphs[0]
        rule = "A student's graph has one int8 input (1, steps, 1, channels) and one int8 output"
        if len(graph.inputs) != 1 or len(graph.outputs) != 1:
            raise UserError(rule, f"{len(graph.inputs)} inputs, {len(graph.outputs)} outputs")
        ends = source, result = graph.tensors[graph.inputs[0]], graph.tensors[graph.outputs[0]]
        types = [flatbuffer_utils.type_to_name(tensor.type) for tensor in ends]
        shapes = [[int(size) for size in tensor.shape] for tensor in ends]
        fits = len(shapes[0]) == 4 and shapes[0][0] == shapes[0][2] == 1
        if types != ["INT8", "INT8"] or not fits or len(shapes[1]) != 2 or shapes[1][0] != 1:
            raise UserError(rule, f"{types[0]} {shapes[0]} to {types[1]} {shapes[1]}")
        if any(len(one.quantization.scale) != 1 for one in ends):
            raise UserError(rule, "int8 without a scale")
        return cls(
            input_shape=(shapes[0][1], shapes[0][2], shapes[0][3]),
            num_classes=shapes[1][1],
            input_scale=float(np.float32(source.quantization.scale[0])),
            input_zero_point=int(source.quantization.zeroPoint[0]),
            output_scale=float(np.float32(result.quantization.scale[0])),
            output_zero_point=int(result.quantization.zeroPoint[0]),
        )


def quantise_input(features: np.ndarray, scale: float, zero_point: int) -> np.ndarray:
    """Quantises features as `microcontroller/src/accelerometer_features.c` does, bit for bit.

    `q = clip(round(x / scale) + zero_point, -128, 127)`; the quotient is one float32 division and
    halves round away from zero, as C's `roundf`. Source: ours; the affine scheme is TensorFlow
    Lite's.

    Args:
        features: Any shape, float32, in g.
        scale: The input tensor's scale, positive and finite.
        zero_point: The input tensor's zero point, in [-128, 127].

    Returns:
        int8 of the same shape.

    Raises:
        UserError: A feature is NaN or infinite.
    """
    features = np.asarray(features, np.float32)
    if not np.isfinite(features).all():
        raise UserError("Features must be finite before they are quantised", "NaN or infinity")
    with np.errstate(over="ignore"):
        quotient = features / np.float32(scale)
    # Clipping first leaves the result as it is and keeps every later step exact in float32.
    quotient = np.clip(quotient, np.float32(-512), np.float32(512))
    whole = np.trunc(quotient)
    # x + 0.5 is inexact just below one half; the difference from the whole part is exact.
    away = np.where(np.abs(quotient - whole) >= 0.5, np.copysign(np.float32(1), quotient), 0)
    rounded = (whole + away).astype(np.int32) + np.int32(zero_point)
    return np.asarray(np.clip(rounded, -128, 127), np.int8)


def clip_input(
    samples: np.ndarray, input_settings: InputSettings, interface: Int8Interface
) -> np.ndarray:
    """Resamples, derives the channels and quantises; `pskd_prepare_clip` in C does the same.

    Args:
        samples: `(length, axes)`, at least two samples: g, and degrees per second of a gyroscope
            behind them; a window has `steps` of them.
        input_settings: The preprocessing.
        interface: The model's scale and zero point.

    Returns:
        `(steps, 1, channels)` int8.

    Raises:
        UserError: A feature is not finite.
    """
    # An overflow gives infinity, which `quantise_input` refuses.
    with np.errstate(over="ignore", invalid="ignore"):
        resampled = resample_clip(samples, input_settings.steps)
        features = sensor_features(resampled, input_settings.gravity_taps)
    quantised = quantise_input(features, interface.input_scale, interface.input_zero_point)
    return quantised[:, None, :]


def tflm_logits(tflite: bytes, quantised: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs an int8 flatbuffer over quantised clips, one by one.

    Args:
        tflite: The flatbuffer's bytes.
        quantised: `(clips, steps, 1, channels)` int8, from `quantise_input`.

    Returns:
        The int8 outputs `(clips, num_classes)`, and the dequantised logits
        `(clips, num_classes)` float32.

    Raises:
        UserError: Inputs of a wrong shape or type, or a graph that TensorFlow Lite Micro does not
            run in int8.
    """
    interface = Int8Interface.read(tflite)
    tflm_operators(tflite)
    quantised = np.asarray(quantised)
    if quantised.dtype != np.int8 or quantised.shape[1:] != interface.input_shape:
        shape = ", ".join(map(str, interface.input_shape))
        received = f"{quantised.dtype} {quantised.shape}"
        raise UserError(f"Quantised inputs are int8 (clips, {shape})", received)
    interpreter = runtime.Interpreter.from_bytes(
        tflite, arena_size=max(10 * len(tflite), _MINIMUM_ARENA_BYTES)
    )
    outputs = np.empty((len(quantised), interface.num_classes), np.int8)
    for number, clip in enumerate(quantised):
        interpreter.set_input(np.ascontiguousarray(clip[None]), 0)
        interpreter.invoke()
        outputs[number] = interpreter.get_output(0)[0]
    # Widened first: int8 minus a Python integer would wrap.
    steps = outputs.astype(np.int32) - interface.output_zero_point
    return outputs, steps.astype(np.float32) * np.float32(interface.output_scale)


def tflm_tensors(tflite: bytes, quantised: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Runs an int8 flatbuffer with all tensors preserved.

    Args:
        tflite: The flatbuffer's bytes.
        quantised: `(clips, steps, 1, channels)` int8, from `quantise_input`.

    Returns:
        One `(operator, values)` per operator, in order; values `(clips, ...)` float32, the
        dequantised output without its batch of 1.

    Raises:
        UserError: The graph does not run in int8.
    """
    tflm_operators(tflite)
    model = read_flatbuffer(tflite)
    graph = model.subgraphs[0]
    interpreter = runtime.Interpreter.from_bytes(
        tflite,
        arena_size=max(40 * len(tflite), _MINIMUM_TENSOR_ARENA_BYTES),
        intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
    )
    values: list[list[np.ndarray]] = [[] for _ in graph.operators]
    for clip in quantised:
        interpreter.set_input(np.ascontiguousarray(clip[None]), 0)
        interpreter.invoke()
        for number, operator in enumerate(graph.operators):
            index = int(operator.outputs[0])
            tensor, raw = graph.tensors[index], interpreter.GetTensor(index, 0)["tensor_data"]
            scale = np.float32(tensor.quantization.scale[0])
            # Widened first: int8 minus a Python integer would wrap.
            steps = np.array(raw, np.int32).reshape(tensor.shape)[0]
            steps = steps - int(tensor.quantization.zeroPoint[0])
            values[number].append(steps.astype(np.float32) * scale)
    names = [flatbuffer_utils.opcode_to_name(model, one.opcodeIndex) for one in graph.operators]
    return [(name, np.stack(value)) for name, value in zip(names, values, strict=True)]


_CODE = """
import sys
import numpy as np
from tflite_micro import runtime
model = open(sys.argv[1], "rb").read()
interpreter = runtime.Interpreter.from_bytes(model, arena_size=int(sys.argv[2]))
details = interpreter.get_input_details(0)
interpreter.set_input(np.zeros(details["shape"], details["dtype"]), 0)
interpreter.invoke()
interpreter.print_allocations()
"""
_LINE = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")


def tflm_probe(tflite: bytes, arena_size: int | None = None) -> dict[str, int] | None:
    """Runs a model once and returns the arena that the interpreter reports.

    It runs in a process of its own, because too small an arena crashes the process.

    Args:
        tflite: The flatbuffer's bytes.
        arena_size: Bytes of the arena; None for more than enough.

    Returns:
        `head` (activations, shared over time), `tail` (descriptions of tensors and multipliers of
        channels, which last) and `total`, in bytes, for 64-bit pointers; None where it did not
        run in the given size.

    Raises:
        UserError: It does not run in any arena.
    """
    roomy = max(10 * len(tflite), _MINIMUM_ARENA_BYTES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(tflite)
        finished = subprocess.run(
            [sys.executable, "-c", _CODE, str(path), str(arena_size or roomy)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=300,
        )
    found = {end: int(size) for end, size in _LINE.findall(finished.stderr + finished.stdout)}
    if finished.returncode == 0 and "total" in found:
        return found
    if arena_size is None:
        last = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(
            "TensorFlow Lite Micro must run the model", f"exit {finished.returncode}, {last}"
        )
    return None


def arena_bytes(tflite: bytes) -> int:
    """Measures a model's tensor arena with TensorFlow Lite Micro on this machine.

    The figure holds for 64-bit pointers and reference kernels. A Cortex-M needs less with plain
    kernels, and may need some per cent more with CMSIS-NN's scratch buffers; `export_student` adds
    a margin.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        The smallest arena at or above the reported total in which the model ran, in bytes.

    Raises:
        UserError: TensorFlow Lite Micro does not run the model.
    """
    probed = tflm_probe(tflite)
    assert probed is not None  # without a size it raises
    total = probed["total"]
    # The reported total leaves out the alignment of the arena's start.
    for size in range(total, total + 1024, 16):
        if tflm_probe(tflite, size):
            return size
    raise UserError("The arena must not exceed the interpreter's account by 1 kB", total)
