"""Quantisation-aware training with TFMOT and the distillation loss.

`train_quantised` wraps a student's twin with fake quantisation, sets the activation ranges from
training clips (`warm_ranges`) and fine-tunes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.twin import (
    quantised_twin,
    student_twin,
    train_twin,
    unwrapped_weights,
    variable_name,
)
from pskd_tf.distillation.losses.base import DistillationLoss

# The names of the output ranges in TFMOT's wrappers.
_RANGES = ("output", "post_activation")


@dataclass(frozen=True)
class QuantisedStudent:
    """The result of quantisation-aware training.

    Attributes:
        wrapped_weights: `get_weights()` of the wrapped twin, ranges included, for the conversion.
        weights: The student's float weights, in the order of its `get_weights()`.
        history: `loss` and `accuracy` per epoch.
    """

    wrapped_weights: list[np.ndarray]
    weights: list[np.ndarray]
    history: dict[str, list[float]]


def train_quantised(
    weights: Sequence[np.ndarray],
    builder_arguments: dict[str, Any],
    batches: tf.data.Dataset,
    loss: DistillationLoss,
    calibration: np.ndarray,
    *,
    steps_per_epoch: int,
    epochs: int,
    learning_rate: float,
    warm: bool = True,
    preserve_sparsity: bool = False,
    projection_widths: Mapping[str, int] | None = None,
    projection_kernels: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
) -> QuantisedStudent:
    """Fine-tunes a student through TFMOT's fake quantisation, with the distillation loss.

    The dense head of `accelerometer_student` must be one of convolutions (`with_convolution_head`):
    TFMOT does not fold a BatchNorm after a dense layer, which would stay in float on the board.

    Args:
        weights: `get_weights()` of the Keras 3 student, pruned or not.
        builder_arguments: Keyword arguments of `build_student`.
        batches: As `prune_student` takes them.
        loss: The distillation loss.
        calibration: `(clips, steps, 1, channels)` float32 of training clips, which the activation
            ranges start from.
        steps_per_epoch: Batches in an epoch.
        epochs: Epochs.
        learning_rate: Learning rate of the first step; a cosine leads to 0.
        warm: Whether ranges start from `calibration`; else at TFMOT's +-6.
        preserve_sparsity: Whether zeros of Conv2D and Dense kernels stay zeros.
        projection_widths: Width of each teacher's embedding, where the loss reads embeddings.
        projection_kernels: Learned projections to start from.
        seed: Seed of dropout and of fresh projections.

    Returns:
        The trained weights.

    Raises:
        UserError: A BatchNorm follows a dense layer, or there are too few batches.
    """
    tf_keras.utils.set_random_seed(seed)
    twin = student_twin(weights, **builder_arguments)
    for layer in twin.layers:
        followers = [node.layer for node in layer.outbound_nodes]
        if isinstance(layer, tf_keras.layers.Dense) and any(
            isinstance(one, tf_keras.layers.BatchNormalization) for one in followers
        ):
            rule = "Quantisation-aware training needs the convolution head: a BatchNorm after a"
            raise UserError(f"{rule} dense layer is not folded", layer.name)
    model = quantised_twin(weights, builder_arguments, preserve_sparsity=preserve_sparsity)
    if warm:
        warm_ranges(model, twin, calibration)
    history = train_twin(
        model,
        batches,
        loss,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        learning_rate=learning_rate,
        projection_widths=projection_widths,
        projection_kernels=projection_kernels,
        name="quantisation",
    )
    if preserve_sparsity:
        _restore_zeros(model, twin)
    if warm:
        _tie_pools(model, twin)
    return QuantisedStudent(
        model.get_weights(), unwrapped_weights(model, builder_arguments), history
    )


def warm_ranges(
    model: tf_keras.Model, twin: tf_keras.Model, clips: np.ndarray
) -> Mapping[str, tuple[float, float]]:
    """Sets every activation range to the range of the float twin's activations on some clips.

    TFMOT starts at +-6 and moves each range by 0.1 % a step, so a few hundred steps do not reach
    the true ranges. Each range includes 0, as TensorFlow Lite requires. Source: ours.

    Args:
        model: From `quantised_twin`; changed.
        twin: The float twin with the same layers.
        clips: `(clips, steps, 1, channels)` float32, training clips only.

    Returns:
        By the wrapped model's layer the `(least, greatest)` value that was set.
    """
    shown = {
        layer.name: layer.output
        for layer in twin.layers
        if not isinstance(layer, tf_keras.layers.InputLayer)
    }
    outputs = tf_keras.Model(twin.input, shown)(clips, training=False)
    outputs["input"] = clips
    found = {}
    for layer in model.layers:
        source = layer.name.removeprefix("quant_")
        kinds: tuple[str, ...] = _RANGES
        if not isinstance(layer, tfmot.quantization.keras.QuantizeWrapperV2):
            source, kinds = "input", (layer.name,)
        variables = {variable_name(variable): variable for variable in layer.weights}
        for kind in kinds:
            if f"{kind}_min" in variables:
                least = min(float(np.min(outputs[source])), 0.0)
                greatest = max(float(np.max(outputs[source])), 0.0)
                variables[f"{kind}_min"].assign(least)
                variables[f"{kind}_max"].assign(greatest)
                found[layer.name] = (least, greatest)
    return found


def _restore_zeros(model: tf_keras.Model, twin: tf_keras.Model) -> None:
    """Sets the pruned weights to 0; the scheme masks them only during training."""
    for layer in twin.layers:
        if type(layer) not in (tf_keras.layers.Conv2D, tf_keras.layers.Dense):
            continue
        kernel = layer.kernel.numpy()
        for variable in model.get_layer(f"quant_{layer.name}").weights:
            if variable_name(variable) == "kernel":
                variable.assign(np.where(kernel == 0, 0, variable.numpy()))


def _tie_pools(model: tf_keras.Model, twin: tf_keras.Model) -> None:
    """Gives each pool the range of its input; else the board would rescale after it."""
    for layer in twin.layers:
        if not isinstance(layer, (tf_keras.layers.AveragePooling2D, tf_keras.layers.MaxPooling2D)):
            continue
        before = model.get_layer(f"quant_{layer.input._keras_history.layer.name}")
        ranges = {variable_name(variable): variable for variable in before.weights}
        for variable in model.get_layer(f"quant_{layer.name}").weights:
            name = variable_name(variable)
            if name in ("output_min", "output_max") and name in ranges:
                variable.assign(ranges[name])
