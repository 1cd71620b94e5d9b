"""Distillation of the tf_keras twin, with the step that the Keras 3 distiller takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf
import tf_keras
from keras import ops

from pskd_tf.distillation.distillation_step import distillation_step, mix_with_next
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss
from pskd_tf.distillation.projections import projections
from pskd_tf.distillation.teacher_availability import teacher_availability


class TwinDistiller(tf_keras.Model):
    """Trains a tf_keras student under teachers whose outputs are columns of the batch.

    The counterpart of `PSKDDistiller` for TFMOT, which takes tf_keras models only; the loss and
    mixup are the same code. Data are `(x, y)` as `prune_student` describes them.

    Args:
        student: The twin, its layers wrapped for pruning or not.
        teachers: Names of the teachers; empty for the ground truth alone.
        distillation_loss: What to minimise.
        embedding_widths: Width of each teacher's embedding, where the loss reads embeddings.

    Raises:
        ValueError: The loss reads embeddings and a teacher's width is missing.
    """

    def __init__(
        self,
        student: tf_keras.Model,
        teachers: Sequence[str],
        distillation_loss: DistillationLoss,
        embedding_widths: Mapping[str, int],
    ):
        super().__init__(name="twin_distiller")
        self.student = student
        self.teachers = tuple(teachers)
        self.distillation_loss = distillation_loss
        self.student_projections: dict[str, Any] = {}
        if distillation_loss.uses_projections:
            missing = sorted(set(self.teachers) - set(embedding_widths))
            if missing:
                raise ValueError(
                    "embedding_widths must name every teacher when the loss reads embeddings. "
                    f"Received: nothing for {missing}"
                )
            ordered = {name: embedding_widths[name] for name in self.teachers}
            self.student_projections = projections(tf_keras, ordered)
            width = student.output["embedding"].shape[-1]
            for layer in self.student_projections.values():
                layer.build((None, width))
        self.loss_metric = tf_keras.metrics.Mean(name="loss")
        self.accuracy_metric = tf_keras.metrics.Mean(name="accuracy")

    @property
    def metrics(self) -> list[tf_keras.metrics.Metric]:
        return [self.loss_metric, self.accuracy_metric]

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Returns the student's logits `(batch, classes)`."""
        return self.student(inputs["accelerometer"], training=training)["logits"]

    def train_step(self, data: Any) -> dict[str, Any]:
        streams, labels = data
        share = streams.get("mixup_share")
        targets: dict[str, Any] = {"labels": labels}
        if self.teachers:
            logits = [streams[f"{name}_logits"] for name in self.teachers]
            targets["teacher_logits"] = tf.stack(logits, axis=1)
            if self.distillation_loss.uses_embeddings:
                targets["teacher_embeddings"] = [
                    streams[f"{name}_embedding"] for name in self.teachers
                ]
            targets |= teacher_availability(streams, self.teachers)
        accelerometer = streams["accelerometer"]
        if share is not None:
            accelerometer = mix_with_next(accelerometer, share)
        variables = self.trainable_variables
        with tf.GradientTape() as tape:
            # Once per step: each call in training advances the pruning schedule.
            student = self.student(accelerometer, training=True)
            projected = [layer(student["embedding"]) for layer in self.student_projections.values()]
            outputs = {**student, "projected_embeddings": projected}
            terms = distillation_step(self.distillation_loss, targets, outputs, share)
            loss = tf.reduce_mean(terms.loss)
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        guess = ops.argmax(outputs["logits"], axis=-1)
        right = tf.equal(guess, tf.cast(labels, guess.dtype))
        self.loss_metric.update_state(loss)
        self.accuracy_metric.update_state(tf.cast(right, tf.float32))
        return {metric.name: metric.result() for metric in self.metrics}
