"""The optimiser of every training: AdamW with warm-up, a cosine and an average of the weights.

A small net has few weights in many variables: the student has 26 thousand in 26. AdamW and the
average take about thirty operations a variable, most of whose time passes between the operations.
`FlatAdamW` computes the same update, to the bit, on two vectors; the tf_keras twin's training joins
its weights likewise (`joined`, `put_back`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from pskd_tf.training_settings import TrainingSettings

_WITHOUT_DECAY = ("bias", "gamma", "beta", "log_temperature")


def make_optimizer(
    settings: TrainingSettings, total_steps: int, *, flat: bool = False
) -> keras.optimizers.AdamW:
    """Makes AdamW with warm-up, a cosine to 0 and a moving average of the weights.

    From the first averaged epoch of the settings on the rate stays as it is there, and there is no
    moving average: `WeightAverage` takes its place.

    Args:
        settings: Rates and momenta.
        total_steps: Steps of the whole training.
        flat: Whether it is a `FlatAdamW`, which is faster for small nets.

    Returns:
        An unbuilt optimiser; at the end of `fit` it puts the average in place of the weights.
    """
    warmup = max(1, round(settings.warmup_share * total_steps))
    arguments = {
        "initial_learning_rate": 0.0,
        "decay_steps": max(1, total_steps - warmup),
        "warmup_target": settings.peak_learning_rate,
        "warmup_steps": warmup,
    }
    schedule = keras.optimizers.schedules.CosineDecay(**arguments)
    if settings.averaged_share:
        held_from = total_steps * settings.first_averaged_epoch // settings.num_epochs
        schedule = HeldCosine(held_from, **arguments)
    optimizer = (FlatAdamW if flat else keras.optimizers.AdamW)(
        schedule,
        weight_decay=settings.weight_decay,
        beta_1=0.9,
        beta_2=0.99,
        use_ema=not settings.averaged_share,
        ema_momentum=settings.ema_momentum,
    )
    optimizer.exclude_from_weight_decay(var_names=list(_WITHOUT_DECAY))
    return optimizer


@keras.saving.register_keras_serializable(package="pskd_tf")
class HeldCosine(keras.optimizers.schedules.CosineDecay):
    """Keras' cosine with warm-up, which from one step on keeps the rate of that step.

    Args:
        held_from: The step.
        **arguments: Arguments of `CosineDecay`.
    """

    def __init__(self, held_from: int, **arguments: Any):
        super().__init__(**arguments)
        self.held_from = held_from

    def __call__(self, step: Any) -> Any:
        """Returns the rate at a step."""
        return super().__call__(keras.ops.minimum(step, self.held_from))

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments, from which Keras makes the schedule again."""
        return {"held_from": self.held_from, **super().get_config()}


class FlatAdamW(keras.optimizers.AdamW):
    """Keras' AdamW, computed on all kernels in one vector and all other weights in another.

    The update of a weight depends on that weight alone, so the weights are those of Keras' AdamW,
    bit for bit. Momenta and averages are kept as vectors. A weight without a gradient counts as
    one with gradient 0. It takes Keras' arguments except `clipnorm`, which would clip the vectors,
    and works on one device. Source: ours.
    """

    def build(self, variables: Sequence[Any]) -> None:
        """Makes the vectors of the weights.

        Args:
            variables: The weights, in the order in which `apply` takes them.
        """
        if self.built:
            return
        kernels: list[tuple[int, Any]] = []
        others: list[tuple[int, Any]] = []
        for place, variable in enumerate(variables):
            group = others if any(word in variable.name for word in _WITHOUT_DECAY) else kernels
            group.append((place, variable))
        self._parts = [_Part.of(group) for group in (kernels, others) if group]
        super().build([part.vector for part in self._parts])

    def apply(self, grads: Sequence[Any], trainable_variables: Sequence[Any] | None = None) -> None:
        """Updates the weights.

        Args:
            grads: A gradient, or None, for each weight in the order of `build`.
            trainable_variables: The weights, in that order.
        """
        if not self.built:
            self.build(list(trainable_variables or ()))
        for part in self._parts:
            part.vector.assign(joined(part.variables, part.variables))
        gradients = [
            joined([grads[place] for place in part.places], part.variables) for part in self._parts
        ]
        super().apply(gradients, [part.vector for part in self._parts])
        self._put_back()

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Puts the moving average, where there is one, in place of the weights."""
        if self.use_ema:
            super().finalize_variable_values([part.vector for part in self._parts])
            self._put_back()

    def _put_back(self) -> None:
        for part in self._parts:
            put_back(part.vector, part.variables)


@dataclass(frozen=True)
class _Part:
    """Weights end to end in one vector; Keras does not track what is in it."""

    places: tuple[int, ...]
    variables: tuple[Any, ...]
    vector: Any

    @staticmethod
    def of(group: Sequence[tuple[int, Any]]) -> "_Part":
        places, variables = zip(*group, strict=True)
        size = sum(math.prod(variable.shape) for variable in variables)
        # By its name Keras decides whether it decays.
        vector = keras.Variable(tf.zeros(size), name=variables[0].name)
        return _Part(places, variables, vector)


def joined(tensors: Sequence[Any], variables: Sequence[Any]) -> Any:
    """Joins tensors end to end.

    Args:
        tensors: A tensor of its shape, or None for zeros, for each of the variables.
        variables: Variables of Keras 3 or of tf_keras.

    Returns:
        A vector.
    """
    pairs = zip(tensors, variables, strict=True)
    filled = [tf.zeros_like(own) if one is None else one for one, own in pairs]
    return tf.concat([tf.reshape(one, (-1,)) for one in filled], axis=0)


def put_back(vector: Any, variables: Sequence[Any]) -> None:
    """Assigns the parts of a vector of `joined` to the variables."""
    pieces = tf.split(vector, [math.prod(variable.shape) for variable in variables])
    for variable, piece in zip(variables, pieces, strict=True):
        variable.assign(tf.reshape(piece, variable.shape))
