"""The part of a training step that the Keras 3 distiller and the tf_keras twin share."""

from typing import Any

from keras import ops

from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.next_samples import next_samples


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


def distillation_step(
    loss: DistillationLoss, targets: dict[str, Any], outputs: dict[str, Any], share: Any = None
) -> DistillationTerms:
    """Returns the loss of one batch, mixed as the student's inputs were.

    A mixed input has two sources, each with its own label and its own teachers' outputs, so its
    loss is the mixture of the two losses. Teachers are thus asked about unmixed recordings only,
    and ACS selects for each source by itself. Source: ours.

    Args:
        loss: The distillation loss.
        targets: As `DistillationLoss.terms` takes them, of the unmixed batch.
        outputs: As `DistillationLoss.terms` takes them, for the mixed inputs.
        share: `(batch,)` as given to `mix_with_next`, or None for an unmixed batch.

    Returns:
        The terms, each `(batch, ...)`.
    """
    if share is None:
        return loss.terms(targets, outputs)
    outputs = loss.prepared(outputs)
    own = loss.terms(targets, outputs)
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
