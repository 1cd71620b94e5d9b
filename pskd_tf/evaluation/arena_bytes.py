"""The memory that TensorFlow Lite Micro needs for a model's tensors and book-keeping."""

from data_prep.user_error import UserError
from pskd_tf.evaluation.tflm_probe import tflm_probe


def arena_bytes(tflite: bytes) -> int:
    """Measures a model's tensor arena with TensorFlow Lite Micro on this machine.

    The figure holds for 64-bit pointers and reference kernels. A Cortex-M with plain kernels
    needs less, one with CMSIS-NN's scratch buffers may need some per cent more; `export_student`
    adds a margin.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        The total of the interpreter's own account, in bytes, with which it was seen to run.

    Raises:
        UserError: TensorFlow Lite Micro does not run the model.
    """
    total = tflm_probe(tflite)["total"]
    # The account leaves out the alignment of its own start.
    for size in range(total, total + 1024, 16):
        if tflm_probe(tflite, size):
            return size
    raise UserError("The arena must not exceed the interpreter's account by 1 kB", total)
