"""What every operator of an int8 graph puts out on TensorFlow Lite Micro."""

import numpy as np
from ai_edge_litert.tools import flatbuffer_utils
from tflite_micro import runtime

from pskd_tf.evaluation.tflm_operators import tflm_operators

# Preserved tensors never share memory.
_MINIMUM_ARENA_BYTES = 1 << 22


def tflm_tensors(tflite: bytes, quantised: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """Runs an int8 flatbuffer with all tensors preserved.

    Args:
        tflite: The flatbuffer's bytes.
        quantised: `(clips, steps, 1, channels)` int8, from `quantise_input`.

    Returns:
        One `(operator, values)` per operator, in order; values `(clips, ...)` float32, what the
        int8 output stands for, without its batch of 1.

    Raises:
        UserError: The graph does not run in int8.
    """
    tflm_operators(tflite)
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(tflite))
    graph = model.subgraphs[0]
    interpreter = runtime.Interpreter.from_bytes(
        tflite,
        arena_size=max(40 * len(tflite), _MINIMUM_ARENA_BYTES),
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
