"""The fine-tuning of a wrapped twin under its teachers, for pruning and for quantisation."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf
import tf_keras

from data_prep.user_error import UserError
from pskd_tf.compression.twin_distiller import TwinDistiller
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss


def train_twin(
    student: tf_keras.Model,
    batches: tf.data.Dataset,
    loss: DistillationLoss,
    *,
    steps_per_epoch: int,
    epochs: int,
    learning_rate: float,
    projection_widths: Mapping[str, int] | None = None,
    projection_kernels: Mapping[str, np.ndarray] | None = None,
    callbacks: Sequence[tf_keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Trains a twin in place with Adam and a cosine decay of the learning rate to 0.

    Args:
        student: The twin, its layers wrapped or not; changed.
        batches: As `prune_student` takes them; at least `steps_per_epoch * epochs`.
        loss: The distillation loss; teachers are those whose logits the batches hold.
        steps_per_epoch: Batches in an epoch.
        epochs: Epochs.
        learning_rate: Learning rate of the first step.
        projection_widths: Width of each teacher's embedding, where the loss reads embeddings.
        projection_kernels: `(student_width, teacher_width)` of each learned projection to start
            from; a fresh one is drawn where there is none.
        callbacks: Further callbacks.

    Returns:
        `loss` and `accuracy` per epoch.

    Raises:
        UserError: There are too few batches.
    """
    total = steps_per_epoch * epochs
    teachers = [
        key.removesuffix("_logits") for key in batches.element_spec[0] if key.endswith("_logits")
    ]
    distiller = TwinDistiller(student, sorted(teachers), loss, dict(projection_widths or {}))
    for name, kernel in (projection_kernels or {}).items():
        if name in distiller.student_projections:
            distiller.student_projections[name].set_weights([kernel])
    distiller.compile(
        optimizer=tf_keras.optimizers.Adam(
            tf_keras.optimizers.schedules.CosineDecay(learning_rate, total)
        )
    )
    steps: list[int] = []
    # The optimizer's own counter also counts the step that found no more data.
    counter = tf_keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, _: steps.append(step)
    )
    history = distiller.fit(
        batches,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        verbose=0,
        callbacks=[*callbacks, counter],
    ).history
    if len(steps) != total:
        raise UserError(f"Fine-tuning needs {total} batches", len(steps))
    return {name: [float(value) for value in values] for name, values in history.items()}
