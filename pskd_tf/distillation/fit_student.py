"""One training of one model under its teachers, resumable at epochs' boundaries."""

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

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
    embedding_widths: Mapping[str, int] | None = None,
    record_path: Path,
    record_every_epochs: int = 10,
    resumed: Callable[[int], None] = lambda epoch: None,
    report: Callable[[int], None] = lambda epoch: None,
    callbacks: tuple[keras.callbacks.Callback, ...] = (),
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """Trains `student` (a teacher of a later stage, or the student) for a fixed length.

    Args:
        student: The model to train; at the end it holds the moving average of its weights.
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
        embedding_widths: Width of the given teachers' embeddings.
        record_path: Where the epoch record is kept while the training lasts.
        record_every_epochs: Epochs from one record to the next.
        resumed: Called with the epoch where a record is resumed.
        report: Called with the number of finished epochs.
        callbacks: Further Keras callbacks.

    Returns:
        The metrics of each epoch, and the learned projections of the student's embedding by
        teacher, `(student width, teacher width)` (none where the loss reads no embeddings).
    """
    distiller = PSKDDistiller(student, teachers, loss, embedding_widths)
    batch_size = min(training.batch_size, len(clips))  # a small set is one batch
    steps = len(clips) // batch_size
    optimizer = make_optimizer(training, training.epochs * steps)
    distiller.compile(optimizer=optimizer, jit_compile=False)
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
