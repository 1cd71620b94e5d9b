"""Means of weights, and the BatchNorm statistics that go with them.

The mean of several sets of weights is a net of its own, whose activations are those of none of
them: the statistics of its BatchNorm layers are estimated anew.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pskd_tf.data.batches import training_batches
from pskd_tf.data.clips import PairedClips
from pskd_tf.distillation.step import mix_with_next
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.models.registry import select_inputs
from pskd_tf.training_settings import TrainingSettings

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


def mean_weights(nets: Sequence[Sequence[np.ndarray]]) -> list[np.ndarray]:
    """Returns the mean of the weights of nets of one architecture, array by array.

    Args:
        nets: The weights of each net, in the order of `get_weights`.

    Source: the uniform soup of Wortsman et al., ICML 2022.
    """
    # Summed in double precision, the mean of equal nets is the net, bit for bit.
    return [
        np.mean(arrays, axis=0, dtype=np.float64).astype(arrays[0].dtype)
        for arrays in zip(*nets, strict=True)
    ]


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


def training_views(
    student: keras.Model,
    clips: PairedClips,
    *,
    seed: int,
    stage: str,
    training: TrainingSettings,
    inputs: InputSettings,
    augmentation: AugmentationSettings,
) -> dict[str, np.ndarray]:
    """Draws views as those of a training, for `estimate_batch_norm`.

    Args:
        student: Reads the views.
        clips: The training clips.
        seed: The run's seed.
        stage: Name of the training.
        training: Its settings; an epoch is drawn, at most 4,096 views in whole batches.
        inputs: The preprocessing.
        augmentation: Strengths of the random changes.

    Returns:
        `(views, ...)` by stream and, with mixup, `mixup_share` `(views,)`.
    """
    size = training.batch_of(clips.movements)
    steps = training.steps_of_an_epoch(clips.movements)
    batches = training_batches(
        clips,
        {tensor.name for tensor in student.inputs},
        seed=seed,
        stage=f"{stage}/batch_norm",
        first_epoch=0,
        epochs=1,
        batch_size=size,
        steps=steps,
        inputs=inputs,
        augmentation=augmentation,
        mixup=training.mixup,
    )
    taken = [x for x, _ in batches.take(math.ceil(_MOST_VIEWS / size)).as_numpy_iterator()]
    return {name: np.concatenate([x[name] for x in taken]) for name in taken[0]}
