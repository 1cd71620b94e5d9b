"""What goes on teaching a finished student while it is compressed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import keras
import numpy as np
import tensorflow as tf

from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.training_batches import training_batches
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss
from pskd_tf.distillation.losses.make_loss import make_loss
from pskd_tf.pipeline.given_columns import availability_column, given_columns
from pskd_tf.pipeline.load_teachers import load_teachers
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.with_live_outputs import with_live_outputs


@dataclass(frozen=True)
class StudentTeaching:
    """The teachers of a finished fit stage, cached or live.

    Attributes:
        student: The fit stage.
        clips: Its training clips.
        given: Cached outputs' columns, `(clips, ...)`.
        live: Live teachers by name. While a student is compressed they are asked about the sources
            of a mixture, also where the student's training asked them about the mixture.
        projections: Learned projections by teacher, `(student width, teacher width)`.
    """

    student: Stage
    clips: PairedClips
    given: Mapping[str, np.ndarray]
    live: Mapping[str, keras.Model]
    projections: Mapping[str, np.ndarray] = field(default_factory=dict)

    @staticmethod
    def load(student: Stage, context: RunContext, clips: PairedClips) -> "StudentTeaching":
        """Reads what taught a student.

        Args:
            student: A finished fit stage.
            context: Where results lie.
            clips: Its training clips.

        Returns:
            The teachers; none for a baseline.
        """
        names = student.settings["teachers"]
        given, live = {}, {}
        if "teacher_outputs" in student.inputs:
            source = context.folder(student.inputs["teacher_outputs"]) / "outputs.npz"
            with np.load(source, allow_pickle=False) as arrays:
                given = given_columns(arrays, clips, names)
        else:
            live = load_teachers(student, context, clips)
            for name in names:
                given |= availability_column(name, clips)
        with np.load(context.folder(student) / "projections.npz", allow_pickle=False) as arrays:
            projections = {name: arrays[name] for name in arrays.files}
        return StudentTeaching(student, clips, given, live, projections)

    @property
    def batch_size(self) -> int:
        """Clips in a batch."""
        return min(self.student.settings["training"]["batch_size"], len(self.clips))

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch."""
        return len(self.clips) // self.batch_size

    def batches(self, stage: str, epochs: int) -> tf.data.Dataset:
        """Streams augmented batches with the teachers' outputs as columns.

        Args:
            stage: Names the random draws.
            epochs: Epochs to end after.
        """
        settings = self.student.settings
        streams = {"accelerometer"}
        streams |= {tensor.name for teacher in self.live.values() for tensor in teacher.inputs}
        batches = training_batches(
            self.clips,
            streams,
            seed=settings["seed"],
            stage=stage,
            first_epoch=0,
            epochs=epochs,
            batch_size=self.batch_size,
            inputs=InputSettings(**settings["inputs"]),
            augmentation=AugmentationSettings(**settings["augmentation"]),
            mixup=settings["training"]["mixup"],
            given=self.given,
        )
        return with_live_outputs(batches, self.live) if self.live else batches

    def taught_or_not(self, distil: bool) -> tuple["StudentTeaching", DistillationLoss]:
        """Returns the teaching and its loss, or the same training with the ground truth alone.

        Args:
            distil: Whether the teachers go on teaching.
        """
        loss = self.student.settings["loss"]
        if distil:
            return self, make_loss(**loss)
        smoothing = loss["arguments"].get("label_smoothing", 0.0)
        alone = StudentTeaching(self.student, self.clips, {}, {})
        return alone, make_loss("cross_entropy", {"label_smoothing": smoothing})
