"""The student: a small depthwise-separable net that TensorFlow Lite Micro can run in int8."""

from types import ModuleType
from typing import Any


def accelerometer_student(
    keras_module: ModuleType,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
    embedding_width: int = 64,
    widths: tuple[int, int, int, int] = (24, 48, 64, 64),
    dropout: float = 0.2,
    segments: int = 3,
    head: str = "dense",
) -> Any:
    """Builds the accelerometer-only student, in Keras 3 or as its tf_keras twin.

    Time convolutions are `Conv2D` with kernel `(k, 1)`, which convert without reshapes; every
    operator is in TensorFlow Lite Micro's int8 set. BatchNorm's momentum is 0.9 because runs are
    short. Source: ours.

    Args:
        keras_module: `keras` or `tf_keras`; the layers' names and weights' order agree.
        input_shape: `(steps, 1, channels)`; `steps` divisible by `8 * segments`.
        num_classes: Width of the logits.
        embedding_width: Width of the semantic layer.
        widths: Channels of the four convolution blocks.
        dropout: Share of the embedding dropped before the classifier.
        segments: Parts of the clip that are averaged apart, so that order in time is kept.
        head: `dense`, or `convolution`: the same two layers as convolutions over the segments and
            over nothing, with the same weights in another shape, which TensorFlow Lite quantises
            per channel in every case and computes with one rounding less.

    Returns:
        A functional model, input `accelerometer` `(batch, steps, 1, channels)` in g, outputs
        `{"logits": (batch, num_classes), "embedding": (batch, embedding_width)}`.
    """
    layers = keras_module.layers

    def normalised(tensor: Any, name: str) -> Any:
        tensor = layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(tensor)
        return layers.ReLU(name=f"{name}_relu")(tensor)

    inputs = layers.Input(input_shape, name="accelerometer")
    hidden = layers.Conv2D(
        widths[0], (7, 1), strides=(2, 1), padding="same", use_bias=False, name="stem"
    )(inputs)
    hidden = normalised(hidden, "stem")
    for number, (width, stride) in enumerate(zip(widths[1:], (2, 1, 2), strict=True), start=1):
        name = f"block{number}"
        # Depthwise strides must be square; on a width of 1, (s, s) is (s, 1).
        hidden = layers.DepthwiseConv2D(
            (7, 1), strides=(stride, stride), padding="same", use_bias=False, name=f"{name}_depth"
        )(hidden)
        hidden = normalised(hidden, f"{name}_depth")
        hidden = layers.Conv2D(width, (1, 1), use_bias=False, name=f"{name}_point")(hidden)
        hidden = normalised(hidden, f"{name}_point")
    hidden = layers.AveragePooling2D((input_shape[0] // 8 // segments, 1), name="segments")(hidden)
    if head == "convolution":
        hidden = layers.Conv2D(embedding_width, (segments, 1), use_bias=False, name="semantic")(
            hidden
        )
        hidden = normalised(hidden, "embedding")
        embedding = layers.Flatten(name="flatten")(hidden)
        hidden = layers.Dropout(dropout, name="dropout")(hidden)
        hidden = layers.Conv2D(num_classes, (1, 1), name="logits")(hidden)
        logits = layers.Reshape((num_classes,), name="classes")(hidden)
    else:
        hidden = layers.Flatten(name="flatten")(hidden)
        hidden = layers.Dense(embedding_width, use_bias=False, name="semantic")(hidden)
        embedding = normalised(hidden, "embedding")
        hidden = layers.Dropout(dropout, name="dropout")(embedding)
        logits = layers.Dense(num_classes, name="logits")(hidden)
    return keras_module.Model(
        inputs, {"logits": logits, "embedding": embedding}, name="accelerometer_student"
    )
