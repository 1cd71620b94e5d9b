"""How TensorFlow starts: one thread in a command, and no error where a notebook already used it."""

import json
import os
import re
import subprocess
import sys

import pytest

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


_JAX = "set KERAS_BACKEND=tensorflow .* Received: jax"
_LAYOUT = "image_data_format of Keras must be channels_last.* Received: channels_first"
_OFFERED = "from pskd_tf import PSKDDistiller"


@pytest.mark.parametrize(
    ("backend", "settings", "code", "message"),
    [
        ("jax", {}, _OFFERED, _JAX),
        ("", {"backend": "jax"}, _OFFERED, _JAX),
        ("", {"image_data_format": "channels_first"}, _OFFERED, _LAYOUT),
        ("", {"image_data_format": "channels_first"}, f"import keras; {_OFFERED}", _LAYOUT),
        ("jax", {}, _START, _JAX),
        ("", {"image_data_format": "channels_first"}, _START, _LAYOUT),
    ],
    ids=["backend", "backend-in-file", "layout", "layout-of-keras", "start", "start-layout"],
)
def test_settings_of_keras_that_do_not_fit_are_refused(backend, settings, code, message, tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps(settings), encoding="utf-8")
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": backend}
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert re.search(f"UserError: .*{message}$", finished.stderr.strip())
