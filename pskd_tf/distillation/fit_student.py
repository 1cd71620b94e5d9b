"""One training of one model under its teachers, resumable at epochs' boundaries."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from data_prep.user_error import UserError
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.training_batches import training_batches
from pskd_tf.distillation.epoch_record import EpochRecord
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss
from pskd_tf.distillation.make_optimizer import make_optimizer
from pskd_tf.distillation.pskd_distiller import PSKDDistiller
from pskd_tf.distillation.seed_dropout import SeedDropout
from pskd_tf.distillation.training_settings import TrainingSettings

# Python's part of a call is about a tenth of a small net's step.
_MOST_STEPS_IN_A_CALL = 16


def fit_student(
    student: keras.Model,
    teachers: Mapping[str, keras.Model | None],
    loss: DistillationLoss,
    clips: PairedClips,
    *,
    seed: int,
    stage: str,
    training: TrainingSettings,
    inputs: InputSettings,
    augmentation: AugmentationSettings,
    given: Mapping[str, np.ndarray] | None = None,
    dropped_teachers: Sequence[str] = (),
    embedding_widths: Mapping[str, int] | None = None,
    teachers_see: str = "sources",
    kept_views: Path | None = None,
    record_path: Path,
    record_every_epochs: int = 10,
    resumed: Callable[[int], None] = lambda epoch: None,
    report: Callable[[int], None] = lambda epoch: None,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """Trains `student` (a teacher of a later stage, or the student) for a fixed length.

    Called, as its models are built, under the `scope()` of a `device_strategy` of several devices,
    it trains on all of them at once.

    Args:
        student: The model to train; at the end it holds the moving average of its weights. Over
            several devices its BatchNormalization layers become `synchronized`.
        teachers: Live models, or None for teachers whose outputs are in `given`, by name.
        loss: The distillation loss.
        clips: The training clips.
        seed: The run's seed.
        stage: Names the random draws; equal names and seeds draw equally.
        training: Length and optimiser.
        inputs: The preprocessing.
        augmentation: Strengths of the random changes.
        given: Given teachers' outputs, `<name>_logits` `(clips, classes)` and
            `<name>_embedding` `(clips, width)`.
        dropped_teachers: Teachers of whom each batch, drawn at random, lacks one (DGKD).
        embedding_widths: Width of the given teachers' embeddings.
        teachers_see: As `PSKDDistiller` takes it.
        kept_views: As `training_batches` takes it.
        record_path: Where the epoch record is kept while the training lasts.
        record_every_epochs: Epochs from one record to the next.
        resumed: Called with the epoch where a record is resumed.
        report: Called with the number of finished epochs.
        callbacks: Further Keras callbacks.

    Returns:
        The metrics of each epoch, and the learned projections of the student's embedding by
        teacher, `(student width, teacher width)` (none where the loss reads no embeddings).

    Raises:
        UserError: There are fewer clips than one batch holds, or devices share a batch unequally.
    """
    batch_size = min(training.batch_size, len(clips))  # a small set is one batch
    _share_out(student, batch_size)
    distiller = PSKDDistiller(student, teachers, loss, embedding_widths, teachers_see)
    steps = len(clips) // batch_size
    optimizer = make_optimizer(training, training.epochs * steps)
    several = student.distribute_strategy.num_replicas_in_sync > 1
    distiller.compile(
        optimizer=optimizer,
        jit_compile=False,
        # What devices tell each other cannot stand in TensorFlow's loop over the steps.
        steps_per_execution=1 if several else _steps_in_a_call(steps),
    )
    optimizer.build(distiller.trainable_variables)
    record = EpochRecord(record_path, record_every_epochs, training.epochs, report)
    first_epoch = record.restore(distiller)
    if first_epoch:
        resumed(first_epoch)
    live = [teacher for teacher in teachers.values() if teacher is not None]
    streams = {tensor.name for model in (student, *live) for tensor in model.inputs}
    batches = training_batches(
        clips,
        streams,
        seed=seed,
        stage=stage,
        first_epoch=first_epoch,
        epochs=training.epochs,
        batch_size=batch_size,
        inputs=inputs,
        augmentation=augmentation,
        mixup=training.mixup,
        given=given,
        dropped_teachers=dropped_teachers,
        kept_views=kept_views,
    )
    distiller.fit(
        batches,
        initial_epoch=first_epoch,
        epochs=training.epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the stream has its own order
        verbose=0,
        callbacks=[SeedDropout(student, seed, stage), record, *callbacks],
    )
    kernels = {
        name: keras.ops.convert_to_numpy(layer.kernel)
        for name, layer in distiller.student_projections.items()
    }
    return record.history, kernels


def _steps_in_a_call(steps: int) -> int:
    """Returns the most steps that one call may do: a divisor, or Keras would go beyond an epoch."""
    return max(number for number in range(1, _MOST_STEPS_IN_A_CALL + 1) if steps % number == 0)


def _share_out(student: keras.Model, batch_size: int) -> None:
    """Makes the parts of a batch on several devices count as one batch."""
    devices = student.distribute_strategy.num_replicas_in_sync
    if batch_size % devices:
        rule = f"A batch must be a multiple of the {devices} devices (--batch_size)"
        raise UserError(rule, f"{batch_size} clips")
    for layer in student.layers if devices > 1 else []:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = True
