"""The semantic layer and the classifier that end every teacher."""

import keras


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
