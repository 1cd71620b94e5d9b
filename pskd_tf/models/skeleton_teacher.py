"""Teacher T1: reads the skeleton only."""

import keras

from pskd_tf.models.semantic_head import semantic_head
from pskd_tf.models.temporal_encoder import temporal_encoder


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
