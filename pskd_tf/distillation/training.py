"""One resumable training of a student: epochs, records and devices.

`fit_student` trains for a fixed number of epochs. It writes an `EpochRecord` at regular intervals
and goes on from it after an interruption with the same result, because `SeedDropout` and the
batches draw by (seed, stage, epoch, step).
"""

import functools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.records import read_arrays
from pskd_tf.data.batches import training_batches
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.views import draw_generator
from pskd_tf.distillation.distiller import PSKDDistiller
from pskd_tf.distillation.losses.base import DistillationLoss
from pskd_tf.distillation.losses.consistency import ConsistentLoss
from pskd_tf.distillation.optimizer import make_optimizer
from pskd_tf.distillation.step import check_finite_loss
from pskd_tf.distillation.weight_average import (
    WeightAverage,
    estimate_batch_norm,
    training_views,
)
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.training_settings import TrainingSettings

# Python's part of a call is about a tenth of a small net's step.
_MOST_STEPS_IN_A_CALL = 16

# Settings of which each device would see a part of the batch alone.
_ON_ONE_DEVICE = ("averaged_share", "consistency_weight", "sharpness_radius")


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

    It trains on several devices at once if it is called, and its models are built, under the
    `scope()` of a `device_strategy` of several devices.

    Args:
        student: The model to train; at the end it holds the moving average of its weights, or their
            mean over epochs where the settings average them. Over several devices its
            BatchNormalization layers become `synchronized`.
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
        dropped_teachers: Teachers of which each batch drops one at random (DGKD).
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
        UserError: Devices share a batch unequally, a setting is for one device, or the loss or the
            weights are no longer finite.
    """
    batch_size = training.batch_of(clips.movements)
    several = student.distribute_strategy.num_replicas_in_sync > 1
    _share_out(student, batch_size)
    for name in _ON_ONE_DEVICE if several else ():
        if getattr(training, name):
            rule = f"{name} goes with one device (--strategy=none)"
            raise UserError(rule, getattr(training, name))
    if training.consistency_weight:
        loss = ConsistentLoss(loss, training.consistency_weight)
    distiller = PSKDDistiller(
        student,
        teachers,
        loss,
        embedding_widths,
        teachers_see,
        labels_may_be_missing=not clips.is_labelled.all(),
        sharpness_radius=training.sharpness_radius,
    )
    steps, epochs = training.steps_of_an_epoch(clips.movements), training.num_epochs
    optimizer = make_optimizer(training, epochs * steps, flat=not several)
    distiller.compile(
        optimizer=optimizer,
        jit_compile=False,
        # Communication between devices is not possible within TensorFlow's loop over steps.
        steps_per_execution=1 if several else _steps_in_a_call(steps),
    )
    optimizer.build(distiller.trainable_variables)
    averages = []
    if training.averaged_share:
        weights = distiller.trainable_variables
        averages.append(WeightAverage(weights, training.first_averaged_epoch))
    further = [mean for average in averages for mean in average.means]
    record = EpochRecord(record_path, record_every_epochs, epochs, report, stage, further)
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
        epochs=epochs,
        batch_size=batch_size,
        steps=steps,
        inputs=inputs,
        augmentation=augmentation,
        mixup=training.mixup,
        given=given,
        dropped_teachers=dropped_teachers,
        second_view=loss.second_view,
        views=training.views,
        mixed_alike=training.consistency_weight > 0,
        kept_views=kept_views,
    )
    distiller.fit(
        batches,
        initial_epoch=first_epoch,
        epochs=epochs,
        steps_per_epoch=steps,
        shuffle=False,  # the stream has its own order
        verbose=0,
        callbacks=[SeedDropout(student, seed, stage), *averages, record, *callbacks],
    )
    if averages:
        views = training_views(
            student,
            clips,
            seed=seed,
            stage=stage,
            training=training,
            inputs=inputs,
            augmentation=augmentation,
        )
        estimate_batch_norm(student, views)
    if not all(np.isfinite(one).all() for one in student.get_weights()):  # by the last update
        check_finite_loss(float("nan"), stage, epochs)
    kernels = {
        name: keras.ops.convert_to_numpy(layer.kernel)
        for name, layer in distiller.student_projections.items()
    }
    return record.history, kernels


def _steps_in_a_call(steps: int) -> int:
    """Returns the most steps of one call that divide an epoch, which Keras would exceed else."""
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


class EpochRecord(keras.callbacks.Callback):
    """Writes weights, optimiser, epoch and history at the end of epochs, whole or not at all.

    Args:
        path: The record, an .npz file; each one replaces the one before.
        every_epochs: Epochs from one record to the next.
        epochs: Epochs of the whole training.
        report: Called with the number of finished epochs at each boundary.
        stage: Name of the training, for errors.
        further: Variables of other callbacks, which are recorded, too.
    """

    def __init__(
        self,
        path: Path,
        every_epochs: int,
        epochs: int,
        report: Callable[[int], None],
        stage: str = "the training",
        further: Sequence[Any] = (),
    ):
        super().__init__()
        self.stage = stage
        self.further = list(further)
        self.path = path
        self.every_epochs = every_epochs
        self.epochs = epochs
        self.report = report
        self.history: list[dict[str, float]] = []

    def restore(self, distiller: PSKDDistiller) -> int:
        """Loads the record into a built distiller, where there is one.

        Returns:
            The epoch to begin with: 0 without a record that can be read.
        """
        if not self.path.exists():
            return 0
        variables = self._variables(distiller)
        try:
            record = read_arrays(self.path)
            values = [record[f"variable_{number}"] for number in range(len(variables))]
            self.history = json.loads(str(record["history"]))
            epoch = int(record["epoch"])
            if any(one.shape != two.shape for one, two in zip(values, variables, strict=True)):
                raise ValueError("arrays of another model")
        except (UserError, ValueError, KeyError):  # damaged: the training begins again
            self.history = []
            return 0
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        return epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        finished = epoch + 1
        self.history.append({name: float(value) for name, value in (logs or {}).items()})
        check_finite_loss(self.history[-1].get("loss", 0.0), self.stage, finished)
        if finished % self.every_epochs == 0 and finished < self.epochs:
            arrays = {
                f"variable_{number}": keras.ops.convert_to_numpy(variable)
                for number, variable in enumerate(self._variables(self.model))
            }
            with whole_file(self.path) as temporary:
                np.savez(temporary, epoch=finished, history=json.dumps(self.history), **arrays)
        self.report(finished)

    def _variables(self, distiller: PSKDDistiller) -> list[Any]:
        return [*distiller.learned_variables, *distiller.optimizer.variables, *self.further]


class SeedDropout(keras.callbacks.Callback):
    """Sets every dropout layer's seed at each epoch's start from (seed, stage, epoch).

    Args:
        student: The model whose dropout layers are seeded.
        seed: The run's seed.
        stage: Name of the stage.
    """

    def __init__(self, student: keras.Model, seed: int, stage: str):
        super().__init__()
        self.student = student
        self.seed = seed
        self.stage = stage
        self.generators = [
            layer.seed_generator
            for layer in student.layers
            if isinstance(layer, keras.layers.Dropout) and layer.rate > 0
        ]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        for number, generator in enumerate(self.generators):
            draws = draw_generator(self.seed, f"{self.stage}/dropout", epoch, number)
            seed = draws.integers(2**31)
            strategy = self.student.distribute_strategy
            # Each device draws its own masks.
            states = strategy.experimental_local_results(generator.state.value)
            for device, state in enumerate(states):
                # The second number counts the calls within the epoch.
                state.assign([seed + device, 0])


class TensorBoardScalars(keras.callbacks.Callback):
    """Writes every metric of every epoch as a TensorBoard scalar.

    Keras' own callback writes graphs and batches too, and TensorFlow's summaries are one operation
    for each metric; at 0.1 s an epoch the first would be most of the work and the second a twelfth.

    Args:
        folder: Where the event files go.
    """

    def __init__(self, folder: Path):
        super().__init__()
        self.writer = EventFileWriter(str(folder))

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = [
            Summary.Value(tag=name, simple_value=float(value))
            for name, value in (logs or {}).items()
        ]
        event = Event(wall_time=time.time(), step=epoch + 1, summary=Summary(value=values))
        self.writer.add_event(event)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self.writer.close()


def device_strategy(name: str) -> tf.distribute.Strategy:
    """Returns TensorFlow's strategy of a name; models are built and trained under its `scope()`.

    `mirrored` gives each device an equal part of every batch and adds their gradients, so that a
    training equals that of a single device at the same batch size, except for rounding and for the
    masks of dropout, which each device draws for itself.

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


# One object a process: each numbers its collective operations from the same start, so that the
# numbers of a second one would collide with those of the first.
@functools.cache
def _mirrored() -> tf.distribute.MirroredStrategy:
    kind = "GPU" if tf.config.list_logical_devices("GPU") else "CPU"
    devices = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(devices) < 2:
        rule = "strategy mirrored needs at least 2 devices (CUDA_VISIBLE_DEVICES=0,1 names GPUs)"
        raise UserError(rule, f"one {kind}")
    return tf.distribute.MirroredStrategy(devices)
