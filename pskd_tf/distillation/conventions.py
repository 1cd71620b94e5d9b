"""What the distiller takes: its models, and the streams, labels and sample weights of a batch.

Each convention is that of Keras where Keras has one. What breaks one is refused with the model,
the layer or the shape that was received.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops


def check_model(
    role: str, model: keras.Model, *, reads_embedding: bool, num_classes: int | None = None
) -> int:
    """Refuses a model that the distiller cannot call; the error names the model.

    Args:
        role: How errors name the model ("teacher model body").
        model: A functional or Sequential model of Keras 3. Its `Input` layers are named after
            streams; its output is `{"logits": (batch, classes), "embedding": (batch, width)}`, or
            the logits alone where no embedding is read.
        reads_embedding: Whether the model's embedding is read.
        num_classes: Width that its logits must have; None: any of at least 2.

    Returns:
        The width of its logits.

    Raises:
        ValueError: A rule above is broken, or the logits are probabilities.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"In {role}: a model must be a Keras 3 model (keras.Model, not tf_keras). "
            f"Received: {type(model).__module__}.{type(model).__name__}"
        )
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"In {role}: a model must be functional, or Sequential with an Input, with Input "
            f"layers named after streams. Received: {type(model).__name__}"
        )
    output = _output(model)
    wanted = ["logits", "embedding"] if reads_embedding else ["logits"]
    if isinstance(output, Mapping):
        missing = [key for key in wanted if key not in output]
        if missing:
            raise ValueError(f"In {role}: outputs must hold {wanted}. Received: {list(output)}")
        output = output["logits"]
    elif reads_embedding or isinstance(output, (list, tuple)):
        raise ValueError(
            f"In {role}: outputs must be a dict with {wanted}. Received: {type(output).__name__}"
        )
    width = output.shape[-1]
    if width == 1:
        raise ValueError(
            f"In {role}: logits need a column for each class, so two for two classes (Dense(2)). "
            f"Received: {output.shape}"
        )
    if len(output.shape) != 2 or num_classes not in (None, width):
        classes = "classes" if num_classes is None else f"{num_classes} classes"
        raise ValueError(f"In {role}: logits must be (batch, {classes}). Received: {output.shape}")
    _check_logits(role, output)
    return int(width)


def _output(model: keras.Model) -> Any:
    # A Sequential has no `output` of its own.
    return model.outputs[0] if isinstance(model, keras.Sequential) else model.output


def logits_tensor(model: keras.Model) -> Any:
    """Returns the symbolic logits of a model that `check_model` accepts."""
    output = _output(model)
    return output["logits"] if isinstance(output, Mapping) else output


def named_outputs(outputs: Any) -> Mapping[str, Any]:
    """Returns a model's outputs by name, float32; a model may return its logits alone.

    Losses are computed in float32 also where a model computes in float16 (mixed precision).
    """
    named = outputs if isinstance(outputs, Mapping) else {"logits": outputs}
    return {name: ops.cast(output, "float32") for name, output in named.items()}


_PROBABILITIES = ("softmax", "sigmoid")


def _check_logits(role: str, logits: Any) -> None:
    """Refuses logits that a softmax or a sigmoid has made probabilities."""
    operation, index = logits._keras_history.operation, logits._keras_history.tensor_index
    while isinstance(operation, keras.Model):  # a model within the model
        history = operation.outputs[index]._keras_history
        operation, index = history.operation, history.tensor_index
    activation = getattr(getattr(operation, "activation", None), "__name__", "")
    for name in _PROBABILITIES:
        if name in (activation, type(operation).__name__.lower()):
            raise ValueError(
                f"In {role}: logits must be the values before {name}; leave it out of the last "
                f"layer. Received: {name} in the layer {operation.name}"
            )


def check_apart(student: keras.Model, role: str, teacher: keras.Model) -> None:
    """Refuses a layer with weights that a student shares with a teacher.

    A teacher is frozen, and with it the student's layer would be.

    Args:
        student: The student.
        role: How errors name the teacher.
        teacher: The teacher.

    Raises:
        ValueError: They share a layer; it is named.
    """
    owned = {id(weight) for weight in teacher.weights}
    shared = [
        layer.name
        for layer in _leaf_layers(student)
        if any(id(weight) in owned for weight in layer.weights)
    ]
    if shared:
        raise ValueError(
            f"In {role}: a teacher is frozen, so it must share no layer with the student; give one "
            f"of them a copy (keras.models.clone_model). Received: {', '.join(shared)} in both"
        )


def _leaf_layers(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaf_layers(layer)
        else:
            yield layer


def streams_read(models: Sequence[keras.Model]) -> list[str]:
    """Returns the names of the streams that some models read, sorted."""
    return sorted({tensor.name for model in models for tensor in model.inputs})


def named_streams(x: Any, streams: Sequence[str]) -> Mapping[str, Any]:
    """Returns a batch's streams by name.

    Args:
        x: A dict of streams, or the one stream itself where only one is read.
        streams: The names that are read.

    Raises:
        ValueError: `x` is neither.
    """
    if isinstance(x, Mapping):
        return x
    if len(streams) == 1 and hasattr(x, "shape"):
        return {streams[0]: x}
    kind = type(x).__name__ if isinstance(x, (list, tuple)) else "one array"
    raise ValueError(f"A batch must be a dict of the streams {list(streams)}. Received: {kind}")


def class_indices(labels: Any, num_classes: int, may_be_missing: bool = False) -> Any:
    """Returns the labels as `(batch,)` class indices.

    Args:
        labels: `(batch,)` or `(batch, 1)`.
        num_classes: Number of classes.
        may_be_missing: Whether -1, for a sample without a label, is taken.

    Returns:
        `(batch,)`. In TensorFlow's graph a label outside of 0..classes - 1 stops the step.

    Raises:
        ValueError: There are no labels, or they have another shape, such as one-hot labels.
    """
    if labels is None:
        raise ValueError("A batch must be (streams, labels). Received: no labels")
    labels = ops.convert_to_tensor(labels)
    if len(labels.shape) == 2 and labels.shape[1] == 1:
        labels = ops.squeeze(labels, axis=1)
    if len(labels.shape) != 1:
        hint = " (one-hot labels: labels.argmax(axis=1))" if len(labels.shape) == 2 else ""
        raise ValueError(
            f"Labels must be class indices of the shape (batch,){hint}. Received: {labels.shape}"
        )
    least, greatest = tf.reduce_min(labels), tf.reduce_max(labels)
    lowest = -1 if may_be_missing and not labels.dtype.is_unsigned else 0
    in_range = (least >= lowest) & (greatest <= tf.cast(num_classes - 1, labels.dtype))
    missing = " (-1: no label)" if may_be_missing else ""
    rule = f"Labels must be class indices 0 to {num_classes - 1}{missing}. Received:"
    with tf.control_dependencies([tf.debugging.Assert(in_range, [rule, least, "to", greatest])]):
        return tf.identity(labels)


def weight_column(sample_weight: Any) -> Any:
    """Returns sample weights as `(batch,)` float32, or None where there are none.

    Args:
        sample_weight: `(batch,)` or `(batch, 1)`, or None. Keras makes it from `class_weight`, too.

    Raises:
        ValueError: It has another shape.
    """
    if sample_weight is None:
        return None
    weight = ops.cast(sample_weight, "float32")
    if len(weight.shape) == 2 and weight.shape[1] == 1:
        weight = ops.squeeze(weight, axis=1)
    if len(weight.shape) != 1:
        raise ValueError(f"Sample weights must be (batch,). Received: {weight.shape}")
    return weight
