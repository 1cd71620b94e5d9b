"""The stage that trains: a teacher or a student."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import tensorflow as tf

from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import json_sha256
from data_prep.prepared_set import PreparedSet
from data_prep.records import read_arrays, record_to_json
from pskd_tf.data.batches import training_batches
from pskd_tf.data.clips import PairedClips, none_recordings
from pskd_tf.data.stream_clips import StreamClips
from pskd_tf.data.views import draw_generator
from pskd_tf.data.virtual_clips import with_virtual_clips
from pskd_tf.distillation.losses.base import DistillationLoss
from pskd_tf.distillation.losses.class_weights import ClassWeighted, balanced_class_weights
from pskd_tf.distillation.losses.registry import make_loss
from pskd_tf.distillation.training import TensorBoardScalars, device_strategy, fit_student
from pskd_tf.models.registry import build_model, mean_of_models, select_inputs
from pskd_tf.pipeline.soup import average_trainings
from pskd_tf.pipeline.specs import FitSpec, LossSpec, TrainingPart
from pskd_tf.pipeline.stage import (
    RunContext,
    Stage,
    load_weights,
    package_versions,
    save_arrays,
    save_weights,
)
from pskd_tf.pipeline.teacher_columns import availability_column, cut_columns, given_columns
from pskd_tf.settings import EACH_CUT, STREAMS_READ, TEACHERS


def part_clips(part: TrainingPart, prepared: PreparedSet) -> PairedClips:
    """Reads the clips of a training part, without the labels that are missing or hidden."""
    clips = PairedClips.load_clips(prepared, part.clips)
    return clips.without_labels(part.unlabelled) if part.unlabelled else clips


def training_clips(spec: FitSpec, context: RunContext) -> PairedClips:
    """Reads the clips of a training, with virtual ones; for a stream with their cuts."""
    prepared = PreparedSet.load(context.prepared_dir)
    clips = part_clips(spec.part, prepared)
    nets = (spec.model, *(one.net for one in spec.live))
    reads = {stream for name in nets for stream in STREAMS_READ[name]}
    if "skeleton" in STREAMS_READ[spec.model]:
        clips = clips.subset(clips.has_skeleton)
    if spec.virtual_sensors:
        silent = spec.part.skeleton_only or ()
        real = not spec.virtual_only
        clips = with_virtual_clips(clips, prepared, silent, spec.virtual_sensors, real=real)
    if spec.stream is None:
        return clips
    classes = spec.data.num_classes - 1
    recorded = none_recordings(prepared, spec.recorded_none or ())
    inputs, skeletons = spec.data.inputs, "skeleton" in reads
    cuts = StreamClips.of(clips, spec.stream, classes, spec.seed, skeletons, recorded, inputs)
    return cuts.with_skeleton() if "skeleton" in STREAMS_READ[spec.model] else cuts


def training_loss(spec: FitSpec, loss: LossSpec, clips: PairedClips) -> DistillationLoss:
    """Makes a loss for the clips of a training, with the weights of its classes."""
    made = make_loss(loss.name, loss.arguments)
    if spec.training.class_weight == "none":
        return made
    return ClassWeighted(made, balanced_class_weights(clips.labels, spec.data.num_classes))


def build_fit_model(spec: FitSpec, clips: PairedClips) -> keras.Model:
    """Builds the model of a training with fresh weights."""
    inputs = spec.data.inputs
    return build_model(
        spec.model,
        accelerometer_shape=inputs.accelerometer_shape,
        skeleton_shape=(inputs.skeleton_frames, clips.skeleton_channels),
        num_classes=spec.data.num_classes,
        architecture=spec.architecture,
    )


def load_stage_model(stage: Stage[FitSpec], context: RunContext, clips: PairedClips) -> keras.Model:
    """Builds the model of a finished fit stage and loads its weights."""
    model = build_fit_model(stage.spec, clips)
    model.set_weights(load_weights(context.folder(stage) / "weights.npz"))
    return model


def load_teachers(
    stage: Stage[FitSpec], context: RunContext, clips: PairedClips
) -> dict[str, keras.Model]:
    """Builds the teachers that run live in a training and loads their trained weights.

    Args:
        stage: A fit stage.
        context: Where results lie.
        clips: The training clips.

    Returns:
        One model for each of the stage's teachers, by name; the mean where there are several of
        one name.
    """
    return {
        name: mean_of_models(
            [
                load_stage_model(stage.input(teacher.fit), context, clips)
                for teacher in stage.spec.live
                if teacher.name == name
            ],
            name,
        )
        for name in stage.spec.teachers
    }


def load_teaching(
    stage: Stage[FitSpec], context: RunContext, clips: PairedClips
) -> tuple[dict[str, np.ndarray], dict[str, keras.Model]]:
    """Reads what teaches a training: given columns, and the teachers that run during it.

    Args:
        stage: A fit stage.
        context: Where results lie.
        clips: The training clips.

    Returns:
        Columns with one row per row of `clips`, and live teachers by name.
    """
    spec = stage.spec
    if spec.cached is not None:
        source = context.folder(stage.input(spec.cached)) / "outputs.npz"
        return given_columns(read_arrays(source), clips, spec.teachers), {}
    live = load_teachers(stage, context, clips)
    nets = {one.name: one.net for one in spec.live}
    if spec.teacher_outputs == EACH_CUT:
        return cut_columns(live, nets, clips, spec.data.inputs), {}
    given: dict[str, np.ndarray] = {}
    for name, net in nets.items():
        given |= availability_column(name, net, clips)
    return given, live


def fit_stage(stage: Stage[FitSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    """Trains the stage's model and writes its weights and history.

    Args:
        stage: The stage.
        context: Where to read and report.
        folder: Where to write `weights.npz` and `history.csv`.

    Returns:
        The content of `result.json`: parameters, epochs and the share of samples that followed each
        target, averaged over all epochs; and the devices, where the training was shared by several.
    """
    strategy = device_strategy(context.strategy)
    with strategy.scope():
        result = _fit(stage, context, folder)
    devices = strategy.num_replicas_in_sync
    return result if devices == 1 else result | {"devices": devices}


def _kept_views(spec: FitSpec, context: RunContext, clips: PairedClips) -> Path | None:
    # A teacher is trained once for each seed: nothing draws its views again.
    if context.views_dir is None or spec.model in TEACHERS:
        return None
    # All that the draws depend on, so not the loss, the teachers or the optimiser.
    draws = {
        "dataset": spec.data.dataset,
        "seed": spec.seed,
        "draws": spec.model,
        "inputs": record_to_json(spec.data.inputs),
        "augmentation": record_to_json(spec.data.augmentation),
        "epochs": spec.training.num_epochs,
        "steps": spec.training.steps_of_an_epoch(clips.movements),
        "batch_size": spec.training.batch_of(clips.movements),
        "clips": clips.clip_ids[: clips.movements],
        **({"views": spec.training.views} if spec.training.views > 1 else {}),
        **({} if spec.stream is None else {"stream": record_to_json(spec.stream)}),
        **({"recorded_none": spec.recorded_none} if spec.recorded_none else {}),
        "version": spec.version,
        "packages": package_versions(("numpy",)),
    }
    return context.views_dir / json_sha256(draws)[:16]


def _fit(stage: Stage[FitSpec], context: RunContext, folder: Path) -> dict[str, Any]:
    spec = stage.spec
    clips = training_clips(spec, context)
    loss = training_loss(spec, spec.loss, clips)
    if spec.part.unlabelled and not loss.learns_without_labels:
        rule = "A training on clips without labels needs a loss that learns from them"
        raise UserError(rule, f"{spec.loss.name} (in a file of methods: no uses_unlabelled)")
    if spec.stream is not None and spec.cached and loss.uses_embeddings:
        rule = "A loss on embeddings needs teachers that read each cut (--teacher_outputs=live)"
        raise UserError(rule, spec.teacher_outputs)
    first_weights = draw_generator(spec.seed, f"{spec.model}/weights")
    keras.utils.set_random_seed(int(first_weights.integers(2**31)))
    model = build_fit_model(spec, clips)
    if spec.pretrained is not None:
        before = context.folder(stage.input(spec.pretrained))
        model.set_weights(load_weights(before / "weights.npz"))
    if spec.soup:
        history, projections = average_trainings(stage, context, clips, model)
    else:
        history, projections = _trained(stage, context, clips, loss, model)
    save_weights(folder / "weights.npz", model.get_weights())
    save_arrays(folder / "projections.npz", projections)
    table = pd.DataFrame(history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    write_table(folder / "history.csv", table)
    followed = {
        column.removeprefix("followed_"): float(table[column].mean())
        for column in map(str, table)
        if column.startswith("followed_")
    }
    return {"parameters": model.count_params(), "epochs": len(table), "followed": followed}


def _trained(
    stage: Stage[FitSpec],
    context: RunContext,
    clips: PairedClips,
    loss: DistillationLoss,
    model: keras.Model,
) -> tuple[list[dict[str, float]], dict[str, np.ndarray]]:
    """Trains a model; see `fit_student`."""
    spec = stage.spec
    given, live = load_teaching(stage, context, clips)
    teachers = {teacher: live.get(teacher) for teacher in spec.teachers}
    widths = {
        teacher: given[f"{teacher}_embedding"].shape[1]
        for teacher in teachers
        if teacher not in live
    }
    name = context.folder(stage).name
    return fit_student(
        model,
        teachers,
        loss,
        clips,
        seed=spec.seed,
        stage=spec.model,
        training=spec.training,
        inputs=spec.data.inputs,
        augmentation=spec.data.augmentation,
        given=given,
        dropped_teachers=spec.teachers if spec.drop_one_teacher else (),
        embedding_widths=widths,
        teachers_see=spec.teachers_see,
        kept_views=_kept_views(spec, context, clips),
        record_path=context.record(stage),
        record_every_epochs=context.record_every_epochs,
        resumed=lambda epoch: context.log(f"resumed {name} from epoch {epoch}"),
        report=lambda epoch: context.advance(1),
        callbacks=(TensorBoardScalars(context.run_dir / "tensorboard" / name),),
    )


def with_live_outputs(
    batches: tf.data.Dataset, teachers: Mapping[str, keras.Model]
) -> tf.data.Dataset:
    """Adds each teacher's outputs on the very views of a batch as columns of the batch.

    Args:
        batches: `(x, y)` with every stream that the teachers read.
        teachers: Models by name.

    Returns:
        The same batches with `<name>_logits` and `<name>_embedding` in `x`.
    """

    def add(x: dict[str, Any], y: Any) -> tuple[dict[str, Any], Any]:
        columns = dict(x)
        for name, teacher in teachers.items():
            outputs = teacher(select_inputs(teacher, x), training=False)
            columns[f"{name}_logits"] = outputs["logits"]
            columns[f"{name}_embedding"] = outputs["embedding"]
        return columns, y

    return batches.map(add, num_parallel_calls=1, deterministic=True)


@dataclass(frozen=True)
class StudentTeaching:
    """The teachers of a finished fit stage, cached or live.

    Attributes:
        student: The fit stage.
        clips: Its training clips.
        given: Cached outputs' columns, `(clips, ...)`.
        live: Live teachers by name. During compression they read the sources of a mixture, even
            if they read the mixture during the student's training.
        projections: Learned projections by teacher, `(student width, teacher width)`.
    """

    student: Stage[FitSpec]
    clips: PairedClips
    given: Mapping[str, np.ndarray]
    live: Mapping[str, keras.Model]
    projections: Mapping[str, np.ndarray] = field(default_factory=dict)

    @staticmethod
    def load(student: Stage[FitSpec], context: RunContext, clips: PairedClips) -> "StudentTeaching":
        """Reads what taught a student.

        Args:
            student: A finished fit stage.
            context: Where results lie.
            clips: Its training clips.

        Returns:
            The teachers; none for a baseline.
        """
        given, live = load_teaching(student, context, clips)
        projections = read_arrays(context.folder(student) / "projections.npz")
        return StudentTeaching(student, clips, given, live, projections)

    @property
    def batch_size(self) -> int:
        """Clips in a batch."""
        return self.student.spec.training.batch_of(self.clips.movements)

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return self.student.spec.training.steps_of_an_epoch(self.clips.movements)

    def batches(self, stage: str, epochs: int) -> tf.data.Dataset:
        """Streams augmented batches with the teachers' outputs as columns.

        Args:
            stage: Names the random draws.
            epochs: Epochs to end after.
        """
        spec = self.student.spec
        streams = {"accelerometer"}
        streams |= {tensor.name for teacher in self.live.values() for tensor in teacher.inputs}
        batches = training_batches(
            self.clips,
            streams,
            seed=spec.seed,
            stage=stage,
            first_epoch=0,
            epochs=epochs,
            batch_size=self.batch_size,
            steps=self.steps_per_epoch,
            inputs=spec.data.inputs,
            augmentation=spec.data.augmentation,
            mixup=spec.training.mixup,
            given=self.given,
        )
        return with_live_outputs(batches, self.live) if self.live else batches

    def taught_or_not(self, distil: bool) -> tuple["StudentTeaching", DistillationLoss]:
        """Returns the teaching and its loss, or the same training with the ground truth alone.

        Args:
            distil: Whether the teachers go on teaching.
        """
        loss = self.student.spec.loss
        if distil:
            return self, training_loss(self.student.spec, loss, self.clips)
        alone = StudentTeaching(self.student, self.clips, {}, {})
        truth = LossSpec.cross_entropy(loss.label_smoothing)
        return alone, training_loss(self.student.spec, truth, self.clips)
