"""Processes that train: how TensorFlow starts in them."""

import ctypes
import json
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from data_prep.errors import UserError

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


def check_keras() -> None:
    """Refuses settings of Keras that the package cannot run with, before Keras is imported.

    Raises:
        UserError: Keras' backend is not TensorFlow, or its images are not channels_last.
    """
    loaded = sys.modules.get("keras")
    if loaded is not None and hasattr(loaded, "config"):
        backend, layout = loaded.config.backend(), loaded.config.image_data_format()
    else:
        # As Keras reads them itself.
        folder = Path(os.environ.get("KERAS_HOME") or Path("~/.keras").expanduser())
        try:
            settings = json.loads((folder / "keras.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            settings = {}
        backend = os.environ.get("KERAS_BACKEND") or settings.get("backend", "tensorflow")
        layout = settings.get("image_data_format", "channels_last")
    if backend != "tensorflow":
        rule = "Keras must run on TensorFlow: set KERAS_BACKEND=tensorflow before it is imported"
        raise UserError(rule, backend)
    if layout != "channels_last":
        rule = "image_data_format of Keras must be channels_last (in keras.json)"
        raise UserError(rule, layout)


def start_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages and gives each process one thread.

    One or several threads sum in another order and give other bits at equal speed for nets this
    small; parallel processes are the lever. Call it before anything imports TensorFlow; a
    second call does nothing. Where TensorFlow has already computed, its threads stay as they are.

    Raises:
        UserError: What `check_keras` refuses.
    """
    keep_freed_memory()
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    check_keras()
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
