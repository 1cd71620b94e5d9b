"""Conversion to full int8, in a process of its own, and the choice of calibration clips.

`convert_to_int8` writes a request, starts `conversion_worker.py`, which may crash, and checks the
flatbuffer that it writes.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import UserError
from pskd_tf.evaluation.tflm import check_fixed_shapes, tflm_operators


def convert_to_int8(
    weights: Sequence[np.ndarray],
    builder_arguments: dict[str, Any],
    calibration: np.ndarray | None,
    *,
    timeout_seconds: float = 600.0,
) -> bytes:
    """Quantises a student and returns its TensorFlow Lite flatbuffer.

    Weights are int8 per channel, activations int8, input and output int8, batch 1; BatchNorm is
    folded. Names are stripped and buffers aligned to 16 bytes. The same arguments give the same
    bytes. The converter can crash its process, hence the subprocess.

    Args:
        weights: `get_weights()` of the Keras 3 student, pruned or not; or, without a calibration,
            of the twin that `train_quantised` trained, which holds the ranges of its activations.
        builder_arguments: Keyword arguments of `build_student`, as JSON can hold them.
        calibration: `(clips, steps, 1, channels)` float32, in g: features of training clips, from
            which the ranges of the activations are read; None for a trained quantisation.
        timeout_seconds: Time after which the conversion is stopped, in seconds.

    Returns:
        The flatbuffer's bytes; input `(1, steps, 1, channels)`, output `(1, num_classes)`.

    Raises:
        UserError: Calibration clips of a wrong shape or not finite; the converter crashed or
            took too long; the result has an operator that TensorFlow Lite Micro does not run in
            int8, or a tensor whose shape is not fixed.
        RuntimeError: The converter raised an exception; its traceback is in the message.
    """
    expected = tuple(builder_arguments["input_shape"])
    if calibration is None:
        return _converted(weights, builder_arguments, np.zeros((0, *expected)), timeout_seconds)
    calibration = np.asarray(calibration, np.float32)
    if calibration.ndim != 4 or not len(calibration) or calibration.shape[1:] != expected:
        raise UserError(
            f"Calibration clips must have the shape (clips, {', '.join(map(str, expected))})",
            calibration.shape,
        )
    if not np.isfinite(calibration).all():
        raise UserError("Calibration clips must be finite", "NaN or infinity")
    return _converted(weights, builder_arguments, calibration, timeout_seconds)


def _converted(
    weights: Sequence[np.ndarray],
    builder_arguments: dict[str, Any],
    calibration: np.ndarray,
    timeout_seconds: float,
) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        request, result = Path(folder, "request.npz"), Path(folder, "student.tflite")
        arrays: dict[str, Any] = {f"weight_{i:04d}": np.asarray(w) for i, w in enumerate(weights)}
        arrays["builder_arguments"] = np.asarray(json.dumps(builder_arguments))
        np.savez(request, calibration=calibration, **arrays)
        _run_worker(request, result, timeout_seconds)
        tflite = result.read_bytes()
    check_fixed_shapes(tflite)
    tflm_operators(tflite)
    return tflite


def _run_worker(request: Path, result: Path, timeout_seconds: float) -> None:
    root = Path(__file__).resolve().parents[2]
    paths = [str(root), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # The converter's result must not depend on whether the machine has a GPU.
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, "-m", "pskd_tf.compression.conversion_worker", request, result]
    try:
        finished = subprocess.run(
            [str(part) for part in command],
            env=environment,
            timeout=timeout_seconds,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"The int8 conversion must end within {timeout_seconds:g} s", "no result"
        ) from error
    if finished.returncode < 0:
        number = -finished.returncode
        name = signal.Signals(number).name if number in set(signal.Signals) else number
        raise UserError(
            "TensorFlow's int8 converter must be able to convert the architecture",
            f"the converter was killed by {name}",
        )
    if finished.returncode != 0 or not result.exists():
        raise RuntimeError(f"The int8 conversion failed:\n{finished.stderr[-4000:]}")


def calibration_clips(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws clips for calibration, as equally over the classes as possible.

    Classes take turns until `count` clips are drawn, so any two classes that are not exhausted
    differ by at most one clip. The caller passes training subjects only. Source: ours.

    Args:
        labels: `(clips,)` integer classes of the training clips.
        count: Number of clips to draw.
        seed: Seed of the draw.

    Returns:
        `(count,)` sorted indices into `labels`, each at most once.

    Raises:
        UserError: `count` is below 1 or above the number of clips.
    """
    labels = np.asarray(labels)
    if not 1 <= count <= len(labels):
        raise UserError(f"The calibration set takes 1 to {len(labels)} clips", count)
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    # Rank of each clip within its class, then classes in random order within one rank.
    classes, codes = np.unique(labels, return_inverse=True)
    turn_of_class = generator.permutation(len(classes))
    rank = np.empty(len(labels), np.int64)
    for code in range(len(classes)):
        members = shuffled[codes[shuffled] == code]
        rank[members] = np.arange(len(members))
    order = np.lexsort((turn_of_class[codes], rank))
    return np.sort(order[:count])
