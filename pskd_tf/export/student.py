"""The export of a student: C array, settings, operator resolver, golden vectors, plain C.

`export_student` writes the folder that boards and simulations read, with a manifest of hashes.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.dataset_description import check_labels
from data_prep.errors import UserError
from data_prep.files import file_sha256, whole_folder
from data_prep.records import record_to_json
from pskd_tf.evaluation.tflm import (
    Int8Interface,
    arena_bytes,
    clip_input,
    tflm_logits,
    tflm_operators,
)
from pskd_tf.export.headers import (
    golden_vectors_header,
    model_data_header,
    model_data_source,
    model_id,
    model_settings_header,
    op_resolver_header,
)
from pskd_tf.export.plain_c.source import plain_model
from pskd_tf.exported import ExportManifest
from pskd_tf.input_settings import InputSettings
from pskd_tf.stream_settings import StreamSettings

# On nine shapes of the student CMSIS-NN took up to 2.6 kB more on a Cortex-M55 than the host: its
# depthwise convolution has a scratch of 496 bytes a tap, pointers of 32 bits save some of it.
_ARENA_MARGIN_BYTES = 3 * 1024


def export_student(
    folder: str | Path,
    tflite: bytes,
    *,
    input_settings: InputSettings,
    class_names: Sequence[str],
    segment_limits: tuple[int, int],
    clip_rate_hz: float,
    golden_clips: Sequence[tuple[str, np.ndarray]],
    provenance: dict[str, Any],
    stream: StreamSettings | None = None,
) -> ExportManifest:
    """Writes the export folder, whole or not at all; the same arguments give the same bytes.

    Files: `student_int8.tflite`, `model_data.h`, `model_data.cc`, `model_settings.h`,
    `op_resolver.h`, `golden_vectors.h`, `plain_model.h`, `plain_model.c` (the same student, no
    interpreter) and `manifest.json`, which holds the SHA-256 of the others. A student with an
    operator that plain C does not know has no `plain_model.*`; the manifest says why.

    Args:
        folder: The folder; an older one there is replaced.
        tflite: The int8 flatbuffer.
        input_settings: The preprocessing that the model was trained on.
        class_names: Label of each output, in order.
        segment_limits: Shortest and longest movement, in samples.
        clip_rate_hz: Rate of the training clips, in Hz.
        golden_clips: Pairs of a clip's name and its raw samples `(length, axes)`: g, and degrees
            per second of a gyroscope behind them; at least one.
        provenance: The run that made the model, as JSON values.
        stream: How movements are cut out of a stream, for a model whose last output is "none".

    Returns:
        The manifest.

    Raises:
        UserError: The model does not run in int8 on TensorFlow Lite Micro, or the arguments do
            not fit it.
    """
    operators = tflm_operators(tflite)
    interface = Int8Interface.read(tflite)
    clips = [(str(name), np.asarray(samples, np.float32)) for name, samples in golden_clips]
    _check(interface, input_settings, class_names, segment_limits, clips)
    inputs = np.stack([clip_input(samples, input_settings, interface) for _, samples in clips])
    outputs, _ = tflm_logits(tflite, inputs)
    measured = arena_bytes(tflite)
    reserved = reserved_arena_bytes(measured)
    model = model_id(tflite)
    plain, no_plain_c = _plain_model(tflite)
    texts = {
        "model_data.h": model_data_header(model),
        "model_data.cc": model_data_source(tflite),
        "model_settings.h": model_settings_header(
            interface,
            input_settings,
            class_names,
            segment_limits,
            measured,
            reserved,
            clip_rate_hz,
            None if stream is None else len(class_names) - 1,
            model,
        ),
        "op_resolver.h": op_resolver_header(operators, model),
        "golden_vectors.h": golden_vectors_header(clips, inputs, outputs, model),
        **plain,
    }
    with whole_folder(folder) as temporary:
        (temporary / "student_int8.tflite").write_bytes(tflite)
        for name, text in texts.items():
            (temporary / name).write_text(text, encoding="ascii", newline="\n")
        manifest = ExportManifest(
            files={path.name: file_sha256(path) for path in sorted(temporary.iterdir())},
            flatbuffer_bytes=len(tflite),
            operators=tuple(operators),
            measured_arena_bytes=measured,
            arena_bytes=reserved,
            class_names=tuple(class_names),
            golden_clips=tuple(name for name, _ in clips),
            inputs=input_settings,
            clip_rate_hz=clip_rate_hz,
            provenance=provenance,
            stream=stream,
            no_plain_c=no_plain_c,
        )
        text = json.dumps(record_to_json(manifest), indent=2, sort_keys=True, allow_nan=False)
        (temporary / "manifest.json").write_text(f"{text}\n", encoding="ascii", newline="\n")
    return manifest


def _plain_model(tflite: bytes) -> tuple[dict[str, str], str | None]:
    try:
        return plain_model(tflite), None
    except UserError as error:
        return {}, error.reason


def reserved_arena_bytes(measured: int) -> int:
    """Returns the arena to reserve on a board, in bytes: 3 kB above the host's, in whole kilobytes.

    Args:
        measured: Bytes that the model takes on the host, from `arena_bytes`.
    """
    return -(-(measured + _ARENA_MARGIN_BYTES) // 1024) * 1024


def _check(
    interface: Int8Interface,
    input_settings: InputSettings,
    class_names: Sequence[str],
    segment_limits: tuple[int, int],
    clips: Sequence[tuple[str, np.ndarray]],
) -> None:
    if interface.input_shape != input_settings.accelerometer_shape:
        raise UserError(
            f"The input settings must give the model's input {interface.input_shape}",
            input_settings.accelerometer_shape,
        )
    if len(class_names) != interface.num_classes:
        raise UserError(
            f"The model's {interface.num_classes} outputs need as many labels", len(class_names)
        )
    check_labels(class_names)
    if not 2 <= segment_limits[0] <= segment_limits[1]:
        raise UserError("Segment limits are two lengths, 2 <= shortest <= longest", segment_limits)
    if not clips:
        raise UserError("An export needs at least one golden clip", "none")
    for name, samples in clips:
        axes = input_settings.num_axes
        if samples.ndim != 2 or samples.shape[1] != axes or len(samples) < 2:
            rule = f"A golden clip is (length, {axes}), length at least 2"
            raise UserError(rule, samples.shape, name)
        if not np.isfinite(samples).all():
            raise UserError("A golden clip must be finite", "NaN or infinity", name)
