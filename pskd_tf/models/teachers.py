"""Teachers: models of the skeleton, of skeleton and accelerometer, of the accelerometer alone.

Each has an encoder over time for each stream it reads (`temporal_encoder`) and one head with the
embedding and the logits (`semantic_head`).
"""

import keras


def skeleton_teacher(
    *,
    input_shape: tuple[int, int],
    num_classes: int,
    embedding_width: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """Builds the skeleton teacher: three convolutions over frames, segments, semantic layer.

    Args:
        input_shape: `(frames, channels)` of `skeleton_features`; frames divisible by 12.
        num_classes: Width of the logits.
        embedding_width: Width of the semantic layer.
        dropout: Share of the embedding dropped before the classifier.

    Returns:
        A functional model, input `skeleton` `(batch, frames, channels)` in metres, outputs
        `{"logits": ..., "embedding": ...}`. Source: ours.
    """
    inputs = keras.layers.Input(input_shape, name="skeleton")
    blocks = ((48, 5, 2), (96, 5, 1), (128, 3, 2))
    hidden = temporal_encoder(inputs, blocks, segments=3, name="skeleton")
    outputs = semantic_head(
        hidden, num_classes=num_classes, embedding_width=embedding_width, dropout=dropout
    )
    return keras.Model(inputs, outputs, name="skeleton_teacher")


def fusion_teacher(
    *,
    skeleton_shape: tuple[int, int],
    accelerometer_shape: tuple[int, int, int],
    num_classes: int,
    embedding_width: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """Builds the skeleton + accelerometer teacher: one encoder each, joined before the embedding.

    Args:
        skeleton_shape: `(frames, channels)`; frames divisible by 12.
        accelerometer_shape: `(steps, 1, channels)`; steps divisible by 24.
        num_classes: Width of the logits.
        embedding_width: Width of the semantic layer.
        dropout: Share of the embedding dropped before the classifier.

    Returns:
        A functional model, inputs `skeleton` `(batch, frames, channels)` in metres and
        `accelerometer` `(batch, steps, 1, channels)` in g, outputs
        `{"logits": ..., "embedding": ...}`. Source: ours.
    """
    skeleton = keras.layers.Input(skeleton_shape, name="skeleton")
    accelerometer = keras.layers.Input(accelerometer_shape, name="accelerometer")
    steps, _, channels = accelerometer_shape
    series = keras.layers.Reshape((steps, channels), name="series")(accelerometer)
    hidden = keras.layers.Concatenate(name="modalities")(
        [
            temporal_encoder(
                skeleton, ((48, 5, 2), (96, 5, 1), (128, 3, 2)), segments=3, name="skeleton"
            ),
            temporal_encoder(
                series, ((32, 7, 2), (64, 7, 2), (96, 5, 2)), segments=3, name="accelerometer"
            ),
        ]
    )
    outputs = semantic_head(
        hidden, num_classes=num_classes, embedding_width=embedding_width, dropout=dropout
    )
    return keras.Model(
        {"skeleton": skeleton, "accelerometer": accelerometer}, outputs, name="fusion_teacher"
    )


def accelerometer_teacher(
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    embedding_width: int = 64,
    dropout: float = 0.3,
) -> keras.Model:
    """Builds the accelerometer teacher: four full convolutions, segments, semantic layer.

    Args:
        input_shape: `(steps, 1, channels)`; steps divisible by 24.
        num_classes: Width of the logits.
        embedding_width: Width of the semantic layer.
        dropout: Share of the embedding dropped before the classifier.

    Returns:
        A functional model, input `accelerometer` `(batch, steps, 1, channels)` in g, outputs
        `{"logits": ..., "embedding": ...}`. Source: ours.
    """
    inputs = keras.layers.Input(input_shape, name="accelerometer")
    steps, _, channels = input_shape
    hidden = keras.layers.Reshape((steps, channels), name="series")(inputs)
    blocks = ((48, 7, 2), (96, 7, 2), (128, 5, 1), (128, 5, 2))
    hidden = temporal_encoder(hidden, blocks, segments=3, name="accelerometer")
    outputs = semantic_head(
        hidden, num_classes=num_classes, embedding_width=embedding_width, dropout=dropout
    )
    return keras.Model(inputs, outputs, name="accelerometer_teacher")


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


def semantic_head(
    hidden: keras.KerasTensor, *, num_classes: int, embedding_width: int, dropout: float
) -> dict[str, keras.KerasTensor]:
    """Maps features to the semantic embedding and the logits.

    Args:
        hidden: `(batch, features)`.
        num_classes: Width of the logits.
        embedding_width: Width of the semantic layer.
        dropout: Share of the embedding dropped before the classifier.

    Returns:
        `{"logits": (batch, num_classes), "embedding": (batch, embedding_width)}`.
    """
    hidden = keras.layers.Dense(embedding_width, use_bias=False, name="semantic")(hidden)
    hidden = keras.layers.BatchNormalization(momentum=0.9, name="embedding_norm")(hidden)
    embedding = keras.layers.ReLU(name="embedding_relu")(hidden)
    hidden = keras.layers.Dropout(dropout, name="dropout")(embedding)
    logits = keras.layers.Dense(num_classes, name="logits")(hidden)
    return {"logits": logits, "embedding": embedding}
