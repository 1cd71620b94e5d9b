"""One inference on TensorFlow Lite Micro in a process of its own."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from data_prep.user_error import UserError

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
    """Runs a model once and reads the interpreter's account of its arena.

    A process of its own, because too small an arena crashes it.

    Args:
        tflite: The flatbuffer's bytes.
        arena_size: Bytes to give it; with room to spare if None.

    Returns:
        `head` (activations, shared over time), `tail` (what lasts: descriptions of tensors,
        multipliers of channels) and `total`, in bytes, for 64-bit pointers; None where it did not
        run in the given size.

    Raises:
        UserError: It does not run with room to spare either.
    """
    roomy = max(10 * len(tflite), 1 << 20)
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
