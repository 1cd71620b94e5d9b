"""Clips with the int8 input and output that firmware must reproduce, as one binary file."""

from collections.abc import Sequence

import numpy as np


def vector_file(
    clips: Sequence[np.ndarray | None], inputs: np.ndarray, outputs: np.ndarray
) -> bytes:
    """Writes vectors as `microcontroller/firmware/check_vectors.c` reads them.

    Little-endian: the letters PSKV; int32 count, bytes of an input, bytes of an output; then for
    each vector an int32 length, `3 * length` float32 samples, the input and the output.

    Args:
        clips: Raw samples `(length, 3)` float32 in g of each vector; None where the input does
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
