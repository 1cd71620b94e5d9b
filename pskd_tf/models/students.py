"""Students: small models that read the accelerometer alone.

`accelerometer_student` is ours; `ign_student` and `gmp_student` are ST's nets for human activity
recognition, for comparison. Each is built in Keras 3, for training, or in tf_keras, for TFMOT.
"""

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
        head: `dense`, or `convolution`: the same two layers as convolutions of `(segments, 1)` and
            `(1, 1)`, with the same weights in another shape. TensorFlow Lite always quantises
            convolutions per channel, and computes them with one rounding less.

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
    probabilities, and it reads the feature window of our student, so that its kernels mix the
    channels; ST's input is `(steps, 3, 1)`, and its kernels apply to each raw axis alone.

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
    an operator that every board has; and the feature window of our student, so that its kernels
    mix the channels, where ST's input is `(steps, 3, 1)`, three raw axes.

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
