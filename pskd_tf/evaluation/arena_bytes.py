"""The memory that TensorFlow Lite Micro needs for a model's tensors and book-keeping."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from data_prep.user_error import UserError

_PROBE = """
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
_TOTAL = re.compile(r"Arena allocation total (\d+) bytes")


def arena_bytes(tflite: bytes) -> int:
    """Measures a model's tensor arena with TensorFlow Lite Micro on this machine.

    The figure holds for 64-bit pointers and reference kernels. A Cortex-M with plain kernels
    needs less, one with CMSIS-NN's scratch buffers may need some per cent more; `export_student`
    adds a margin. The probe is a process of its own: too small an arena crashes it.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        The total of the interpreter's own account, in bytes, with which it was seen to run.

    Raises:
        UserError: TensorFlow Lite Micro does not run the model.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.tflite")
        path.write_bytes(tflite)
        roomy = max(10 * len(tflite), 1 << 20)
        total = _probe(path, roomy)
        # The account leaves out the alignment of its own start.
        for size in range(total, total + 1024, 16):
            if _probe(path, size, required=False):
                return size
    raise UserError("The arena must not exceed the interpreter's account by 1 kB", total)


def _probe(path: Path, size: int, required: bool = True) -> int:
    finished = subprocess.run(
        [sys.executable, "-c", _PROBE, str(path), str(size)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=300,
    )
    found = _TOTAL.search(finished.stderr + finished.stdout)
    if finished.returncode == 0 and found:
        return int(found.group(1))
    if required:
        last = (finished.stderr.strip().splitlines() or ["no message"])[-1]
        raise UserError(
            "TensorFlow Lite Micro must run the model", f"exit {finished.returncode}, {last}"
        )
    return 0
