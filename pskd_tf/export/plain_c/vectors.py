"""Test vectors of the firmware: inputs of the model, and TensorFlow Lite Micro's outputs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.files import whole_folder
from pskd_tf.data.fixed_features import FixedFeatures
from pskd_tf.data.views import draw_generator
from pskd_tf.evaluation.tflm import Int8Interface, tflm_logits
from pskd_tf.export.fixed_point import fixed_settings_header, prepared_input
from pskd_tf.export.plain_c.slot import model_slot
from pskd_tf.export.plain_c.source import plain_model
from pskd_tf.exported import Export
from pskd_tf.input_settings import InputSettings


def vector_file(
    clips: Sequence[np.ndarray | None], inputs: np.ndarray, outputs: np.ndarray
) -> bytes:
    """Writes vectors as `microcontroller/firmware/check_vectors.c` reads them.

    Little-endian: the letters PSKV; int32 count, bytes of an input, bytes of an output; then for
    each vector an int32 length, `axes * length` float32 samples, the input and the output.

    Args:
        clips: Raw samples `(length, axes)` float32 of each vector; None where the input does
            not come from a clip.
        inputs: `(vectors, ...)` int8.
        outputs: `(vectors, num_classes)` int8 of TensorFlow Lite Micro.

    Returns:
        The file's bytes.
    """
    flat = inputs.reshape(len(inputs), -1)
    parts = [b"PSKV", np.array([*flat.shape, outputs.shape[1]], "<i4").tobytes()]
    for clip, quantised, output in zip(clips, flat, outputs, strict=True):
        samples = np.zeros((0, 3)) if clip is None else clip
        parts.append(np.int32(len(samples)).astype("<i4").tobytes())
        parts.append(np.asarray(samples, "<f4").tobytes())
        parts.append(quantised.astype(np.int8).tobytes())
        parts.append(output.astype(np.int8).tobytes())
    return b"".join(parts)


def write_firmware_inputs(
    folder: str | Path,
    export_folder: str | Path,
    input_settings: InputSettings,
    clips: Sequence[np.ndarray],
    random_inputs: int,
    features: str = "float",
    weights: str = "int8",
    in_slot: bool = False,
) -> None:
    """Writes the plain model, the settings and two vector files, whole or not at all.

    Files: `plain_model.h`, `plain_model.c`, `model_settings.h`, `clips.vectors` (one vector a
    clip, from its raw samples) and `random.vectors` (every byte of the input drawn evenly).
    Expected outputs are TensorFlow Lite Micro's.

    Args:
        folder: The folder; an older one there is replaced.
        export_folder: The folder that `export_student` wrote.
        input_settings: The preprocessing that the model was trained on.
        clips: Raw samples `(length, axes)` float32.
        random_inputs: Vectors of the second file.
        features: Arithmetic of the features, one of `FEATURES`.
        weights: Type of the convolutions' weights, one of `WEIGHTS`.
        in_slot: Whether the model takes its tables from a slot, which is then written, too, as
            `model_slot.bin`.

    Raises:
        UserError: An operator, or a use of one, that plain C does not compute.
    """
    export_folder = Path(export_folder)
    tflite = (export_folder / "student_int8.tflite").read_bytes()
    texts = plain_model(tflite, weights, in_slot)
    texts["model_settings.h"] = (export_folder / "model_settings.h").read_text(encoding="ascii")
    interface = Int8Interface.read(tflite)
    if features == "fixed":
        arithmetic = FixedFeatures.of(
            input_settings, interface.input_scale, interface.input_zero_point
        )
        texts["model_settings.h"] = fixed_settings_header(texts["model_settings.h"], arithmetic)
    inputs = np.stack(
        [prepared_input(samples, input_settings, interface, features) for samples in clips]
    )
    drawn = draw_generator(0, "firmware").integers(
        -128, 128, (random_inputs, *interface.input_shape), np.int8
    )
    with whole_folder(folder) as temporary:
        for name, text in texts.items():
            (temporary / name).write_text(text, encoding="ascii", newline="\n")
        if in_slot:
            manifest = Export.read(export_folder).manifest
            (temporary / "model_slot.bin").write_bytes(model_slot(tflite, manifest, weights))
        for name, raw, quantised in (
            ("clips.vectors", clips, inputs),
            ("random.vectors", [None] * random_inputs, drawn),
        ):
            outputs, _ = tflm_logits(tflite, quantised)
            (temporary / name).write_bytes(vector_file(raw, quantised, outputs))
