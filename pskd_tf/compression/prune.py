"""Pruning of single weights with TFMOT, while the teachers' losses continue."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras

from data_prep.errors import UserError
from pskd_tf.compression.twin import student_twin, train_twin
from pskd_tf.distillation.losses.base import DistillationLoss

# Share of the steps over which the sparsity grows; the rest trains the remaining weights.
_RAMP = 0.6
_MASK_UPDATES = 100


def prune_student(
    weights: Sequence[np.ndarray],
    builder_arguments: dict[str, Any],
    batches: tf.data.Dataset,
    loss: DistillationLoss,
    *,
    steps_per_epoch: int,
    epochs: int,
    learning_rate: float,
    target_sparsity: float,
    projection_widths: Mapping[str, int] | None = None,
    projection_kernels: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
) -> tuple[list[np.ndarray], dict[str, list[float]]]:
    """Fine-tunes a student with its teachers while its smallest weights are set to zero.

    Every Conv1D, Conv2D and Dense kernel ends at the target sparsity (TFMOT's `PolynomialDecay`,
    cubic, Zhu and Gupta 2017; the ramp takes the first 60 % of the steps). Depthwise and separable
    kernels stay dense: TFMOT does not prune them. Adam with a cosine decay of the learning rate to
    0; BatchNorm trains. Zeros make a compressed image smaller, not the model on the board.

    Args:
        weights: `get_weights()` of the Keras 3 student.
        builder_arguments: Keyword arguments of `build_student`.
        batches: `(x, y)`: `x` a dict of `accelerometer` `(batch, steps, 1, channels)`, optionally
            `mixup_share` `(batch,)`, and per teacher `<name>_logits` `(batch, classes)` and, where
            the loss reads embeddings, `<name>_embedding` `(batch, width)`; `y` `(batch,)` class
            indices. At least `steps_per_epoch * epochs` batches.
        loss: The distillation loss; teachers are those whose logits the batches hold.
        steps_per_epoch: Batches in an epoch.
        epochs: Epochs of fine-tuning.
        learning_rate: Learning rate of the first step.
        target_sparsity: Share of zeros at the end, 0 to below 1.
        projection_widths: Width of each teacher's embedding, where the loss reads embeddings.
        projection_kernels: `(student_width, teacher_width)` of each learned projection to start
            from; a fresh one is drawn where there is none.
        seed: Seed of dropout and of fresh projections.

    Returns:
        The pruned weights in the order of `get_weights()`, and `loss` and `accuracy` per epoch.

    Raises:
        UserError: A sparsity outside [0, 1), fewer than two steps, or too few batches.
    """
    total = steps_per_epoch * epochs
    if not 0 <= target_sparsity < 1:
        raise UserError("The target sparsity must be at least 0 and below 1", target_sparsity)
    if total < 2:
        raise UserError("Pruning needs at least two steps", total)
    tf_keras.utils.set_random_seed(seed)
    student = _wrapped(student_twin(weights, **builder_arguments), target_sparsity, total)
    # The projections come after the wrapping, or TFMOT would prune them as well.
    history = train_twin(
        student,
        batches,
        loss,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        learning_rate=learning_rate,
        projection_widths=projection_widths,
        projection_kernels=projection_kernels,
        callbacks=[tfmot.sparsity.keras.UpdatePruningStep()],
    )
    pruned = tfmot.sparsity.keras.strip_pruning(student).get_weights()
    return pruned, history


def _wrapped(twin: tf_keras.Model, target_sparsity: float, total: int) -> tf_keras.Model:
    if target_sparsity == 0:
        return twin
    frequency = max(1, total // _MASK_UPDATES)
    # A multiple of the frequency, so that the last update meets the target exactly.
    end = max(1, int(total * _RAMP) // frequency) * frequency
    schedule = tfmot.sparsity.keras.PolynomialDecay(
        initial_sparsity=0.0,
        final_sparsity=target_sparsity,
        begin_step=0,
        end_step=end,
        frequency=frequency,
    )

    def wrap(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
        # DepthwiseConv2D derives from Conv2D in other versions of Keras, hence the exact types.
        kinds = (tf_keras.layers.Conv1D, tf_keras.layers.Conv2D, tf_keras.layers.Dense)
        if type(layer) in kinds:
            return tfmot.sparsity.keras.prune_low_magnitude(layer, pruning_schedule=schedule)
        return layer

    return tf_keras.models.clone_model(twin, clone_function=wrap)


def kernel_sparsity(model: Any) -> dict[str, float]:
    """Measures the share of exact zeros in kernels; biases and BatchNorm do not count.

    Args:
        model: A Keras 3 or tf_keras model without wrappers.

    Returns:
        `conv_and_dense`: share over all Conv1D, Conv2D and Dense kernels together; `depthwise`:
        over depthwise kernels, which are never pruned; both in [0, 1], 0 where there are none.
    """
    zeros = {"conv_and_dense": 0, "depthwise": 0}
    sizes = {"conv_and_dense": 0, "depthwise": 0}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in ("Conv1D", "Conv2D", "Dense", "DepthwiseConv1D", "DepthwiseConv2D"):
            continue
        group = "depthwise" if kind.startswith("Depthwise") else "conv_and_dense"
        # tf_keras calls it depthwise_kernel, Keras 3 kernel; it comes first in both.
        kernel = np.asarray(layer.get_weights()[0])
        zeros[group] += int((kernel == 0).sum())
        sizes[group] += kernel.size
    return {group: zeros[group] / max(sizes[group], 1) for group in zeros}
