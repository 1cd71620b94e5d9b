"""The means that a distillation shows: loss, accuracy, agreement with teachers, selection."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from pskd_tf.distillation.losses.base import DistillationTerms

_PARTS = ("cross_entropy", "distillation", "semantic")  # of any loss


class MeanTable(keras.metrics.Metric):
    """Weighted means by name, equal to those of one `keras.metrics.Mean` for each name.

    A dozen separate metrics would take a tenth of the training step of a student with 26 k
    parameters.

    Args:
        names: The names of the means.
        name: Name of the metric.
    """

    def __init__(self, names: Sequence[str], name: str = "means"):
        super().__init__(name=name, dtype="float32")
        self.names = tuple(names)
        shape = (2, len(self.names))
        self.totals = self.add_variable(shape=shape, initializer="zeros", name="totals")

    def update_state(self, sums: Any, weights: Any) -> None:
        """Adds a batch.

        Args:
            sums: `(names,)`, weighted sums over the batch.
            weights: `(names,)`, sums of the weights.
        """
        self.totals.assign_add(ops.stack([sums, weights]))

    def result(self) -> dict[str, Any]:
        """Returns the means by name; 0 where no weight was added."""
        means = ops.divide_no_nan(*ops.unstack(self.totals, 2))
        return dict(zip(self.names, ops.unstack(means, len(self.names)), strict=True))


def mean_names(teachers: Iterable[str]) -> list[str]:
    """Returns the names of a distillation's means, in the order of `batch_sums`.

    Args:
        teachers: Names of the teachers, in order.

    Returns:
        `loss`, `accuracy`, `agreement_<teacher>`, the parts of the loss, and `followed_<teacher>`
        and `followed_ground_truth`, the shares of the selection.
    """
    names = list(teachers)
    agreement = [f"agreement_{name}" for name in names]
    followed = [f"followed_{name}" for name in (*names, "ground_truth")]
    return ["loss", "accuracy", *agreement, *_PARTS, *followed]


def batch_sums(
    loss: Any,
    terms: DistillationTerms,
    targets: dict[str, Any],
    logits: Any,
    sample_weight: Any = None,
    labels_may_be_missing: bool = False,
) -> tuple[Any, Any]:
    """Sums up a batch for `MeanTable.update_state`.

    Args:
        loss: The mean loss of the batch.
        terms: Its terms.
        targets: As `DistillationLoss.terms` takes them.
        logits: `(batch, classes)`, the student's.
        sample_weight: `(batch,)`, or None where all samples weigh the same.
        labels_may_be_missing: Whether -1 stands for a label that is missing.

    Returns:
        Weighted sums and the sums of the weights, both `(means,)` in the order of `mean_names`.
    """
    # Keras' own argmax looks for negative zeros, in five more operations.
    guess = tf.argmax(logits, axis=-1, output_type=tf.int32)
    choices = ops.cast(targets["labels"], "int32")[:, None]
    if "teacher_logits" in targets:
        teachers = tf.argmax(targets["teacher_logits"], axis=-1, output_type=tf.int32)
        choices = ops.concatenate([choices, teachers], axis=1)
    agreement = ops.cast(ops.equal(guess[:, None], choices), "float32")
    nothing = ops.zeros_like(terms.loss)
    parts = ops.stack([terms.parts.get(name, nothing) for name in _PARTS], axis=1)
    values = ops.concatenate([agreement, parts, terms.selection], axis=1)
    # By samples, since the last batch of an evaluation may be smaller.
    batch = ops.cast(ops.shape(guess)[0], "float32")
    if sample_weight is None and not labels_may_be_missing and "teacher_available" not in targets:
        weights = batch * ops.ones((values.shape[1],))
    else:
        weight = _weight(values, choices.shape[1], targets, sample_weight, labels_may_be_missing)
        values, weights = values * weight, ops.sum(weight, axis=0)
    sums = ops.concatenate([(batch * loss)[None], ops.sum(values, axis=0)])
    return sums, ops.concatenate([batch[None], weights])


def _weight(
    values: Any,
    choices: int,
    targets: dict[str, Any],
    sample_weight: Any,
    labels_may_be_missing: bool,
) -> Any:
    """Returns the weight of each value, `(batch, values)`, of which `choices` are agreements."""
    weight = ops.ones_like(values)
    if sample_weight is not None:
        weight = weight * sample_weight[:, None]
    # Accuracy counts only samples with a label, agreement with a teacher only those for which it
    # is available.
    labelled, seen = weight[:, :1], weight[:, 1:choices]
    if labels_may_be_missing:
        labelled = labelled * ops.cast(targets["labels"] >= 0, weight.dtype)[:, None]
    if "teacher_available" in targets:
        seen = seen * ops.cast(targets["teacher_available"], weight.dtype)
    return ops.concatenate([labelled, seen, weight[:, choices:]], axis=1)
