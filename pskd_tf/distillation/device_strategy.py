"""How one training is spread over devices."""

import functools

import tensorflow as tf

from data_prep.user_error import UserError


def device_strategy(name: str) -> tf.distribute.Strategy:
    """Returns TensorFlow's strategy of a name; models are built and trained under its `scope()`.

    `mirrored` gives each device an equal part of every batch and adds their gradients, so that a
    training is the one of a single device at the same batch size, except for rounding and for the
    masks of dropout, which each device draws for itself. `fit_student` sees to it.

    Args:
        name: `none`, or `mirrored` over all GPUs (all logical CPUs where there is no GPU).

    Returns:
        The strategy; for `none` TensorFlow's default one.

    Raises:
        UserError: The name is unknown, or there is one device only.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    if name != "mirrored":
        raise UserError("strategy must be none or mirrored", name)
    return _mirrored()


# One object a process: each numbers its collective operations from the same start, so that a
# second one would take up the numbers of the first.
@functools.cache
def _mirrored() -> tf.distribute.MirroredStrategy:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        rule = "strategy mirrored needs at least 2 devices (CUDA_VISIBLE_DEVICES=0,1 names GPUs)"
        raise UserError(rule, f"one {kind}")
    return tf.distribute.MirroredStrategy(devices)
