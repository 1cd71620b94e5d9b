"""How TensorFlow starts: one thread in a command, and no error where a notebook already used it."""

import subprocess
import sys

_THREADS = "tf.config.threading.get_intra_op_parallelism_threads()"
_START = "from pskd_tf.processes import start_tensorflow; start_tensorflow()"


def _printed(code: str) -> str:
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


def test_a_process_that_starts_tensorflow_computes_on_one_thread():
    assert _printed(f"{_START}; {_START}; import tensorflow as tf; print({_THREADS})") == "1"


def test_tensorflow_that_has_already_computed_keeps_its_threads():
    used = "import tensorflow as tf; tf.constant([1.0]) + 1.0"
    assert _printed(f"{used}; {_START}; print({_THREADS})") == "0"
