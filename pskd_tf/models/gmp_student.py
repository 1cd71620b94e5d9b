"""GMP of ST's model zoo, a neighbour of the student: two convolutions and a global maximum."""

from types import ModuleType
from typing import Any


def gmp_student(
    keras_module: ModuleType,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    widths: tuple[int, int] = (16, 16),
    dropout: float = 0.5,
) -> Any:
    """Builds ST's GMP net on our feature window, in Keras 3 or as its tf_keras twin.

    BatchNorm, convolution (5, 1), BatchNorm, convolution (5, 1), global max pool, dropout, dense,
    no ReLU: the layers, kernels and widths of `human_activity_recognition/src/models/gmp.py` in
    STMicroelectronics' stm32ai-modelzoo. Ours are: logits instead of probabilities; BatchNorm's
    momentum of 0.9, because runs are short; the global maximum as a pool over the whole length,
    an operator that every board has; and the same feature window as our student, whose channels
    its kernels mix, where ST feeds `(steps, 3, 1)`, three raw axes.

    Args:
        keras_module: `keras` or `tf_keras`; the layers' names and weights' order agree.
        input_shape: `(steps, 1, channels)`; at least 9 steps.
        num_classes: Width of the logits.
        widths: Channels of the two convolutions.
        dropout: Share of the pooled features dropped before the classifier.

    Returns:
        A functional model, input `accelerometer` `(batch, steps, 1, channels)` in g, outputs
        `{"logits": (batch, num_classes), "embedding": (batch, widths[1])}`; the pooled features
        stand in for the semantic layer.
    """
    layers = keras_module.layers
    inputs = layers.Input(input_shape, name="accelerometer")
    hidden = layers.BatchNormalization(momentum=0.9, name="input_norm")(inputs)
    hidden = layers.Conv2D(widths[0], (5, 1), name="stem")(hidden)
    hidden = layers.BatchNormalization(momentum=0.9, name="stem_norm")(hidden)
    hidden = layers.Conv2D(widths[1], (5, 1), name="block1")(hidden)
    hidden = layers.MaxPooling2D((input_shape[0] - 8, 1), name="pool")(hidden)
    embedding = layers.Flatten(name="flatten")(hidden)
    hidden = layers.Dropout(dropout, name="dropout")(embedding)
    logits = layers.Dense(num_classes, name="logits")(hidden)
    return keras_module.Model(
        inputs, {"logits": logits, "embedding": embedding}, name="gmp_student"
    )
