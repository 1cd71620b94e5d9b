"""Each sample's successor in its batch, also where devices hold parts of the batch."""

from typing import Any

import tensorflow as tf
from keras import ops


def next_samples(tensor: Any) -> Any:
    """Returns the samples shifted by one: the next one of each, the last one's being the first.

    Where a `tf.distribute` strategy runs several devices, the batch is the whole one, in the order
    of the devices: each takes over the first sample of the device after it.

    Args:
        tensor: `(batch, ...)`, a device's part of the batch.

    Returns:
        `(batch, ...)`. No gradient flows from one device to another.
    """
    devices = tf.distribute.get_strategy().num_replicas_in_sync
    if devices == 1:
        return ops.roll(tensor, -1, axis=0)
    context = tf.distribute.get_replica_context()
    firsts = context.all_gather(tensor[:1], axis=0)
    following = tf.math.floormod(context.replica_id_in_sync_group + 1, devices)
    return ops.concatenate([tensor[1:], firsts[following][None]], axis=0)
