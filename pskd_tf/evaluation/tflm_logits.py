"""The int8 student as a board computes it: TensorFlow Lite Micro's interpreter on the host."""

import numpy as np
from tflite_micro import runtime

from data_prep.user_error import UserError
from pskd_tf.evaluation.int8_interface import Int8Interface
from pskd_tf.evaluation.tflm_operators import tflm_operators

# Far above any student's need: a far too small arena crashes the process.
_MINIMUM_ARENA_BYTES = 1 << 20


def tflm_logits(tflite: bytes, quantised: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Runs an int8 flatbuffer over quantised clips, one by one.

    Args:
        tflite: The flatbuffer's bytes.
        quantised: `(clips, steps, 1, channels)` int8, from `quantise_input`.

    Returns:
        The int8 outputs `(clips, num_classes)`, and the logits they stand for,
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
