"""TensorFlow's start: quiet, and on one thread so that the same run gives the same bits."""

import os
import sys
import tempfile

from pskd_tf.pipeline.keep_freed_memory import keep_freed_memory


def start_tensorflow() -> None:
    """Imports TensorFlow without its start-up messages and gives each process one thread.

    One or several threads sum in another order and give other bits at equal speed for nets this
    small; parallel processes are the lever. Call it before anything imports TensorFlow; a
    second call does nothing.
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
            # A second call may not even set the same again.
            if threading.get_intra_op_parallelism_threads() != 1:
                threading.set_intra_op_parallelism_threads(1)
                threading.set_inter_op_parallelism_threads(1)
            keras.ops.zeros((1,))
        finally:
            os.dup2(screen, 2)
            os.close(screen)
