"""Teacher T2: reads the skeleton and the accelerometer."""

import keras

from pskd_tf.models.semantic_head import semantic_head
from pskd_tf.models.temporal_encoder import temporal_encoder


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
