"""Conversion to full int8, in a process of its own, and the choice of calibration data.

`convert_to_int8` writes a request, starts `conversion_worker.py`, which may crash, and checks the
flatbuffer that it writes.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import softmax

from data_prep.errors import UserError
from pskd_tf.evaluation.tflm import (
    Int8Interface,
    check_fixed_shapes,
    quantise_input,
    tflm_logits,
    tflm_operators,
)


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


# Shares of the input's values that a calibration keeps, in per cent: the outermost tails of both
# sides are cut off. 0.1 % of 192 clips of 96 steps are 184 values of a channel.
PERCENTILE = 99.9
KEPT = (100.0, 99.99, PERCENTILE, 99.0)
# The tails are outliers where they take two of the eight bits: the range is four times that of the
# other values. On UTD-MHAD it is 2.2 times, on the generated set 1.2 times.
_OUTLIER_RATIO = 4.0


def has_outliers(clips: np.ndarray) -> bool:
    """Returns whether few values of calibration clips lie far from all others.

    Source: ours.

    Args:
        clips: `(clips, steps, 1, channels)`.
    """
    tail = (100.0 - PERCENTILE) / 2
    low, high = np.percentile(clips, [tail, 100.0 - tail])
    return bool(np.ptp(clips) >= _OUTLIER_RATIO * max(high - low, np.finfo(np.float32).tiny))


def without_tails(clips: np.ndarray, percent: float) -> np.ndarray:
    """Limits calibration clips to the central part of their values.

    The ranges of all activations follow from the input's, so one sample of a broken sensor in one
    clip no longer takes most of the 256 steps of int8. Source: percentile calibration, Wu et al.
    2020; on the input alone, ours.

    Args:
        clips: `(clips, steps, 1, channels)`.
        percent: Per cent of the values that keep their value; 100 keeps all.

    Returns:
        The clips, of the same shape and type.
    """
    tail = (100.0 - percent) / 2
    low, high = np.percentile(clips, [tail, 100.0 - tail])
    return np.asarray(np.clip(clips, low, high), clips.dtype)


Converter = Callable[[Sequence[np.ndarray], dict[str, Any], np.ndarray], bytes]


@dataclass(frozen=True)
class Calibrated:
    """A student that was quantised with one cut of the calibration clips.

    Attributes:
        kept_percent: Per cent of the input's values that were kept.
        error: Mean of `1/2 sum_c |p_c - q_c|` between the class probabilities of float and int8 on
            the calibration clips, 0..1.
        tflite: The flatbuffer.
    """

    kept_percent: float
    error: float
    tflite: bytes


def calibration_cuts(method: str, calibration: np.ndarray) -> tuple[float, ...]:
    """Returns the cuts that a method compares, in per cent of the values kept.

    Args:
        method: `auto`: as `error` where the clips have outliers, else as `range`. `range`: all
            values count. `percentile`: those of `without_tails` at `PERCENTILE`. `error`: four
            cuts, of which `least_error` takes one.
        calibration: `(clips, steps, 1, channels)`.
    """
    if method == "auto":
        method = "error" if has_outliers(calibration) else "range"
    return {"range": KEPT[:1], "percentile": (PERCENTILE,), "error": KEPT}[method]


def least_error(found: Iterable[Calibrated]) -> Calibrated:
    """Returns the conversion that differs least from float; of equal ones that which keeps most.

    The mean total variation is not dominated by one clip. Source: ours.
    """
    return min(found, key=lambda one: (one.error, -one.kept_percent))


def convert_cuts(
    weights: Sequence[np.ndarray],
    builder_arguments: dict[str, Any],
    calibration: np.ndarray,
    float_logits: np.ndarray,
    cuts: Sequence[float],
    convert: Converter = convert_to_int8,
) -> list[Calibrated]:
    """Quantises a student once for each cut of the calibration clips.

    Args:
        weights: As `convert_to_int8` takes them.
        builder_arguments: As `convert_to_int8` takes them.
        calibration: As `convert_to_int8` takes them.
        float_logits: `(clips, classes)` of the float student on the calibration clips.
        cuts: Per cent of the values to keep.
        convert: Quantises with one calibration.

    Returns:
        One for each cut; the error is 0 where there is nothing to compare.

    Raises:
        UserError: What `convert_to_int8` refuses.
    """
    found = []
    for percent in cuts:
        cut = calibration if percent == 100.0 else without_tails(calibration, percent)
        tflite = convert(weights, builder_arguments, cut)
        error = _variation(tflite, calibration, float_logits) if len(cuts) > 1 else 0.0
        found.append(Calibrated(percent, error, tflite))
    return found


def _variation(tflite: bytes, clips: np.ndarray, float_logits: np.ndarray) -> float:
    """Returns the mean of `1/2 sum_c |p_c - q_c|` over the clips, 0..1."""
    interface = Int8Interface.read(tflite)
    quantised = quantise_input(clips, interface.input_scale, interface.input_zero_point)
    _, logits = tflm_logits(tflite, quantised)
    difference = softmax(logits, axis=1) - softmax(float_logits, axis=1)
    return float(0.5 * np.abs(difference).sum(axis=1).mean())


def _converted(
    weights: Sequence[np.ndarray],
    builder_arguments: dict[str, Any],
    calibration: np.ndarray,
    timeout_seconds: float,
) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        request, result = Path(folder, "request.npz"), Path(folder, "student.tflite")
        write_request(request, weights, builder_arguments, calibration)
        _run_worker(request, result, timeout_seconds)
        tflite = result.read_bytes()
    check_fixed_shapes(tflite)
    tflm_operators(tflite)
    return tflite


def write_request(
    path: Path,
    weights: Sequence[np.ndarray],
    builder_arguments: dict[str, Any],
    calibration: np.ndarray,
) -> None:
    """Writes what `conversion_worker` reads; the arguments are those of `convert_to_int8`."""
    arrays: dict[str, Any] = {f"weight_{i:04d}": np.asarray(w) for i, w in enumerate(weights)}
    arrays["builder_arguments"] = np.asarray(json.dumps(builder_arguments))
    np.savez(path, calibration=calibration, **arrays)


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
