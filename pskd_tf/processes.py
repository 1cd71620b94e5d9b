"""Processes that train: how TensorFlow starts in them."""

import ctypes
import os
import sys
import tempfile
from contextlib import suppress

# Names and numbers of glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3
_MEBIBYTE = 2**20


def keep_freed_memory() -> bool:
    """Lets this process keep freed memory for its next request instead of giving it back.

    A training step frees and asks again for the same few megabytes; given back each time, they
    come as about a thousand page faults a step, a tenth of its time. No result changes.

    Returns:
        Whether the C library knows the setting (glibc does; others are left as they are).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = {
        _M_TRIM_THRESHOLD: 2**31 - 1,
        _M_TOP_PAD: 64 * _MEBIBYTE,
        _M_MMAP_THRESHOLD: 32 * _MEBIBYTE,
    }
    return all([mallopt(name, value) == 1 for name, value in settings.items()])


def start_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages and gives each process one thread.

    One or several threads sum in another order and give other bits at equal speed for nets this
    small; parallel processes are the lever. Call it before anything imports TensorFlow; a
    second call does nothing. Where TensorFlow has already computed, its threads stay as they are.
    """
    keep_freed_memory()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
    # The messages come from C++ before any log level is read, so the descriptor itself is moved.
    sys.stderr.flush()
    with tempfile.TemporaryFile() as messages:
        screen = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            import keras
            import tensorflow as tf

            threading = tf.config.threading
            # A second call may not even set the same again, and a notebook that has already
            # computed something keeps the threads that it began with.
            if threading.get_intra_op_parallelism_threads() != 1:
                with suppress(RuntimeError):
                    threading.set_intra_op_parallelism_threads(1)
                    threading.set_inter_op_parallelism_threads(1)
            keras.ops.zeros((1,))
        finally:
            os.dup2(screen, 2)
            os.close(screen)
