"""Teacher T3: reads the accelerometer only, larger than the student."""

import keras

from pskd_tf.models.semantic_head import semantic_head
from pskd_tf.models.temporal_encoder import temporal_encoder


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
