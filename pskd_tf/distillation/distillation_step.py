"""The part of a training step that the Keras 3 distiller and the tf_keras twin share."""

from typing import Any

from keras import ops

from pskd_tf.distillation.losses.distillation_loss import DistillationLoss, DistillationTerms
from pskd_tf.distillation.next_samples import next_samples

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


def distillation_step(
    loss: DistillationLoss,
    targets: dict[str, Any],
    outputs: dict[str, Any],
    share: Any = None,
    teachers_see: str = "sources",
) -> DistillationTerms:
    """Returns the loss of one batch, mixed as the student's inputs were.

    A mixed input has two sources, each with its own label, so its loss is the mixture of two
    losses. Teachers asked about the `sources` give each loss its own outputs, and ACS selects for
    each source by itself. Teachers asked about the `mixture` give both losses the same outputs,
    what they say about the very input of the student; ACS then selects by how sure each teacher
    still is of either label (function matching: Beyer et al., CVPR 2022; its use here is ours).

    Args:
        loss: The distillation loss.
        targets: As `DistillationLoss.terms` takes them: labels of the unmixed batch, and teachers'
            outputs on what they see.
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
