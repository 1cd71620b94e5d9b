"""Means of weights, and the BatchNorm statistics that go with them.

The mean of several sets of weights is a net of its own, whose activations are those of none of
them: the statistics of its BatchNorm layers are estimated anew.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pskd_tf.distillation.step import mix_with_next
from pskd_tf.models.registry import select_inputs

# Activations of this many views of a clip of 96 steps take about 100 MB a layer.
_MOST_VIEWS = 4096


class WeightAverage(keras.callbacks.Callback):
    """Takes the mean of the weights after each epoch, and puts it in their place at the end.

    After the n-th averaged epoch `mean <- mean + (w - mean) / n`. Source: stochastic weight
    averaging (SWA; Izmailov et al., UAI 2018, Alg. 1) with a cycle of one epoch and a constant
    rate.

    Args:
        variables: The weights.
        first_epoch: First averaged epoch, from 0.
    """

    def __init__(self, variables: Sequence[Any], first_epoch: int):
        super().__init__()
        self.weights = list(variables)
        self.first_epoch = first_epoch
        self.means = [keras.Variable(tf.zeros(one.shape), trainable=False) for one in variables]

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        number = epoch + 1 - self.first_epoch
        if number < 1:
            return
        for mean, weight in zip(self.means, self.weights, strict=True):
            mean.assign(mean + (weight - mean) / number)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        for mean, weight in zip(self.means, self.weights, strict=True):
            weight.assign(mean)


def estimate_batch_norm(model: keras.Model, views: Mapping[str, np.ndarray]) -> None:
    """Sets the BatchNorm statistics of a model to those of the given views.

    All views pass as one batch in training mode, so each layer's moving mean and variance become
    those of its own inputs there. Dropout is active, as it was in training.

    Args:
        model: The model; its weights stay.
        views: `(views, ...)` by stream and, for mixup, `mixup_share` `(views,)`.

    Source: the `bn_update` of SWA (Izmailov et al., UAI 2018), here over one batch.
    """
    layers = [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]
    if not layers:
        return
    streams = {tensor.name: tf.convert_to_tensor(views[tensor.name]) for tensor in model.inputs}
    if "mixup_share" in views:
        share = tf.convert_to_tensor(views["mixup_share"])
        streams = {name: mix_with_next(one, share) for name, one in streams.items()}
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0
    model(select_inputs(model, streams), training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def joined_views(batches: tf.data.Dataset) -> dict[str, np.ndarray]:
    """Joins the columns of the first batches, up to 4,096 views, end to end.

    Args:
        batches: `(x, y)`, as `training_batches` streams them.
    """
    taken: list[Mapping[str, np.ndarray]] = []
    count = 0
    for x, y in batches.as_numpy_iterator():
        taken.append(x)
        count += len(y)
        if count >= _MOST_VIEWS:
            break
    return {name: np.concatenate([x[name] for x in taken]) for name in taken[0]}
