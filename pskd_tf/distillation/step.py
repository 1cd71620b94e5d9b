"""The loss of one training step under mixup, for the Keras 3 distiller and its tf_keras twin.

`mix_with_next` mixes each sample with the next one of the batch, `mixed_streams` what models read
of it; `distillation_step` mixes the losses of both in the same share; `teacher_targets` collects
the teachers' outputs, `teacher_availability` which teacher is available where.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
from keras import ops

from data_prep.errors import UserError
from pskd_tf.distillation.conventions import named_outputs
from pskd_tf.distillation.losses.base import DistillationLoss, DistillationTerms
from pskd_tf.models.registry import select_inputs


def next_samples(tensor: Any) -> Any:
    """Returns the samples shifted by one, so that each position holds the next sample.

    The last position holds the first sample. With a `tf.distribute` strategy of several devices
    the whole batch is shifted: each device gets the first sample of the device after it.

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


TEACHERS_SEE = ("sources", "mixture")


def mix_with_next(tensor: Any, share: Any) -> Any:
    """Mixes each sample with the next one of its batch (mixup, Zhang et al. 2018).

    Args:
        tensor: `(batch, ...)`, floating.
        share: `(batch,)`, the share in 0..1 that a sample keeps of itself.

    Returns:
        `(batch, ...)`: `share * x_i + (1 - share) * x_(i+1)`, the last one mixed with the first.
    """
    own = ops.reshape(share, (-1,) + (1,) * (len(tensor.shape) - 1))
    return own * tensor + (1.0 - own) * next_samples(tensor)


def mixed_streams(
    streams: Mapping[str, Any], share: Any, readers: Iterable[Any], teachers: Iterable[str] = ()
) -> dict[str, Any]:
    """Mixes the streams that models read.

    Args:
        streams: The batch's columns.
        share: `(batch,)` as `mix_with_next` takes it.
        readers: The models whose inputs are mixed.
        teachers: Names of the teachers among them: a teacher is available for a mixture where it
            is for both sources.

    Returns:
        All columns.
    """
    names = {tensor.name for model in readers for tensor in model.inputs}
    mixed = {name: mix_with_next(streams[name], share) for name in sorted(names)}
    for name in teachers:
        own = streams.get(f"{name}_available")
        if own is not None:
            mixed[f"{name}_available"] = own * next_samples(own)
    return {**streams, **mixed}


def distillation_step(
    loss: DistillationLoss,
    targets: dict[str, Any],
    outputs: dict[str, Any],
    share: Any = None,
    teachers_see: str = "sources",
) -> DistillationTerms:
    """Returns the loss of one batch, mixed as the student's inputs were.

    A mixed input has two sources, each with its own label, so its loss is the mixture of two
    losses. With `sources`, each loss uses the teachers' outputs for its own source, and ACS selects
    for each source separately. With `mixture`, both losses use the teachers' outputs for the mixed
    input of the student, and ACS selects by the confidence in either label (function matching:
    Beyer et al., CVPR 2022; its use here is ours).

    Args:
        loss: The distillation loss.
        targets: As `DistillationLoss.terms` takes them: labels of the unmixed batch, and the
            teachers' outputs for `sources` or `mixture`.
        outputs: As `DistillationLoss.terms` takes them, for the mixed inputs.
        share: `(batch,)` as given to `mix_with_next`, or None for an unmixed batch.
        teachers_see: `sources` or `mixture`.

    Returns:
        The terms, each `(batch, ...)`.
    """
    if share is None:
        return loss.terms(targets, outputs)
    outputs = loss.prepared(outputs)
    own = loss.terms(targets, outputs)
    if teachers_see == "mixture":
        rolled = {**targets, "labels": next_samples(targets["labels"])}
    else:
        rolled = {
            key: [next_samples(item) for item in value]
            if isinstance(value, list)
            else next_samples(value)
            for key, value in targets.items()
        }
    other = loss.terms(rolled, outputs)

    def mixed(first: Any, second: Any) -> Any:
        weight = ops.reshape(share, (-1,) + (1,) * (len(first.shape) - 1))
        return weight * first + (1.0 - weight) * second

    return DistillationTerms(
        mixed(own.loss, other.loss),
        {name: mixed(own.parts[name], other.parts[name]) for name in own.parts},
        mixed(own.selection, other.selection),
    )


def teacher_targets(
    streams: Mapping[str, Any], teachers: Mapping[str, Any], reads_embeddings: bool
) -> dict[str, Any]:
    """Collects the outputs of every teacher for a batch.

    Args:
        streams: The batch's columns.
        teachers: Keras 3 models, called in inference mode, by name; None where the outputs are
            the columns `<name>_logits` and `<name>_embedding`.
        reads_embeddings: Whether the loss reads embeddings.

    Returns:
        The teachers' part of what `DistillationLoss.terms` takes, without a gradient; nothing
        where there is no teacher.
    """
    logits, embeddings = [], []
    for name, teacher in teachers.items():
        if teacher is None:
            logits.append(ops.cast(streams[f"{name}_logits"], "float32"))
            if reads_embeddings:
                embeddings.append(ops.cast(streams[f"{name}_embedding"], "float32"))
        else:
            outputs = named_outputs(teacher(select_inputs(teacher, streams), training=False))
            logits.append(ops.stop_gradient(outputs["logits"]))
            if reads_embeddings:
                embeddings.append(ops.stop_gradient(outputs["embedding"]))
    if not logits:
        return {}
    return {
        "teacher_logits": ops.stack(logits, axis=1),
        "teacher_embeddings": embeddings,
        **teacher_availability(streams, teachers),
    }


def teacher_availability(streams: Mapping[str, Any], teachers: Iterable[str]) -> dict[str, Any]:
    """Collects the batch's `<name>_available` columns.

    Args:
        streams: The batch's columns.
        teachers: Names of the teachers, in order.

    Returns:
        `{"teacher_available": (batch, teachers)}`, or nothing where no teacher has such a column;
        a teacher without one sees every sample.
    """
    names = list(teachers)
    columns = [streams.get(f"{name}_available") for name in names]
    known = [column for column in columns if column is not None]
    if not known:
        return {}
    everywhere = ops.ones_like(known[0])
    return {
        "teacher_available": ops.stack(
            [everywhere if column is None else column for column in columns], axis=1
        )
    }


_RATE_FLAGS = {
    "pruning": "prune_learning_rate",
    "quantisation": "qat_learning_rate",
    "slim": "slim_learning_rate",
}


def check_finite_loss(loss: float, training: str, epoch: int) -> None:
    """Stops a training that diverges.

    Args:
        loss: The mean loss of an epoch; it is not finite where that of one batch is not.
        training: Name of the training.
        epoch: The epoch, from 1.

    Raises:
        UserError: The loss is not finite.
    """
    if not math.isfinite(loss):
        flag = _RATE_FLAGS.get(training.partition("/")[0], "learning_rate")
        rule = f"The loss of a training must stay finite (lower --{flag})"
        raise UserError(rule, f"{loss} in epoch {epoch} of {training}")
