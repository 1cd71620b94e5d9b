"""What every distillation loss offers: its terms per sample, and which target was followed."""

from typing import Any, NamedTuple

import keras


class DistillationTerms(NamedTuple):
    """What a distillation loss gives for one batch.

    Attributes:
        loss: `(batch,)`, what is minimised.
        parts: Named summands of `loss`, each `(batch,)`.
        selection: `(batch, teachers + 1)`, share of each target that a sample followed; the last
            column is the ground truth, and rows sum to 1.
    """

    loss: Any
    parts: dict[str, Any]
    selection: Any


class DistillationLoss(keras.losses.Loss):
    """Base of the losses that `PSKDDistiller` and the tf_keras twin both call.

    Targets are a dict of `labels` `(batch,)`, `teacher_logits` `(batch, teachers, classes)`,
    `teacher_embeddings` (a list, one `(batch, width)` per teacher) and, where a teacher cannot see
    every sample, `teacher_available` `(batch, teachers)`, 1 or 0; outputs are a dict of
    `logits` `(batch, classes)`, `embedding` `(batch, width)` and `projected_embeddings` (the
    student's embedding as projected for each teacher).
    """

    @property
    def uses_embeddings(self) -> bool:
        """Whether the loss reads the teachers' embeddings."""
        return False

    @property
    def uses_projections(self) -> bool:
        """Whether it compares them with the student's as projected to each teacher's width."""
        return self.uses_embeddings

    def prepared(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """Returns the outputs with what `terms` makes of them whatever the targets are.

        A mixed batch asks for the terms of two sets of targets; this is done once for both.
        """
        return outputs

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        """Returns the loss per sample, its parts and the selection of targets."""
        raise TypeError(f"{type(self).__name__} must define terms()")

    def call(self, y_true: dict[str, Any], y_pred: dict[str, Any]) -> Any:
        """Returns the loss per sample, `(batch,)`, as Keras asks for it."""
        return self.terms(y_true, y_pred).loss
