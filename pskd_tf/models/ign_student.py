"""IGN of ST's model zoo, a neighbour of the student: one convolution and a small bottleneck."""

from types import ModuleType
from typing import Any


def ign_student(
    keras_module: ModuleType,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    embedding_width: int = 12,
    widths: tuple[int] = (24,),
    dropout: float = 0.5,
) -> Any:
    """Builds ST's IGN net on our feature window, in Keras 3 or as its tf_keras twin.

    Convolution (16, 1) + ReLU, max pool (3, 1), dense 12, dropout, dense: the layers, kernels and
    widths of `human_activity_recognition/src/models/ign.py` in STMicroelectronics'
    stm32ai-modelzoo, after Ignatov (2018). Two things are ours: it returns logits instead of
    probabilities, and it reads the same feature window as our student, whose channels its kernels
    mix; ST feeds `(steps, 3, 1)`, three raw axes that share one kernel each by itself.

    Args:
        keras_module: `keras` or `tf_keras`; the layers' names and weights' order agree.
        input_shape: `(steps, 1, channels)`; at least 18 steps.
        num_classes: Width of the logits.
        embedding_width: Width of the bottleneck, which stands in for the semantic layer.
        widths: Channels of the convolution.
        dropout: Share of the bottleneck dropped before the classifier.

    Returns:
        A functional model, input `accelerometer` `(batch, steps, 1, channels)` in g, outputs
        `{"logits": (batch, num_classes), "embedding": (batch, embedding_width)}`.
    """
    layers = keras_module.layers
    inputs = layers.Input(input_shape, name="accelerometer")
    hidden = layers.Conv2D(widths[0], (16, 1), name="stem")(inputs)
    hidden = layers.ReLU(name="stem_relu")(hidden)
    hidden = layers.MaxPooling2D((3, 1), name="pool")(hidden)
    hidden = layers.Flatten(name="flatten")(hidden)
    embedding = layers.Dense(embedding_width, name="semantic")(hidden)
    hidden = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(num_classes, name="logits")(hidden)
    return keras_module.Model(
        inputs, {"logits": logits, "embedding": embedding}, name="ign_student"
    )
