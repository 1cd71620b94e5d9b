"""The convolution stack that the teachers share."""

import keras


def temporal_encoder(
    inputs: keras.KerasTensor,
    blocks: tuple[tuple[int, int, int], ...],
    *,
    segments: int,
    name: str,
) -> keras.KerasTensor:
    """Applies convolution, BatchNorm and ReLU blocks over time, then averages segments.

    Args:
        inputs: `(batch, steps, channels)`.
        blocks: One `(width, kernel, stride)` per block.
        segments: Parts of the time axis that are averaged apart; they divide it.
        name: Prefix of the layers' names.

    Returns:
        `(batch, segments * last width)`.
    """
    hidden = inputs
    for number, (width, kernel, stride) in enumerate(blocks, start=1):
        prefix = f"{name}_block{number}"
        hidden = keras.layers.Conv1D(
            width, kernel, strides=stride, padding="same", use_bias=False, name=prefix
        )(hidden)
        hidden = keras.layers.BatchNormalization(momentum=0.9, name=f"{prefix}_norm")(hidden)
        hidden = keras.layers.ReLU(name=f"{prefix}_relu")(hidden)
    pool = hidden.shape[1] // segments
    hidden = keras.layers.AveragePooling1D(pool, name=f"{name}_segments")(hidden)
    return keras.layers.Flatten(name=f"{name}_flatten")(hidden)
