"""The Keras model that trains a student under several teachers."""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from pskd_tf.distillation.distillation_step import distillation_step, mix_with_next
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss
from pskd_tf.distillation.projections import projections
from pskd_tf.distillation.teacher_availability import teacher_availability
from pskd_tf.models.select_inputs import select_inputs


class PSKDDistiller(keras.Model):
    """Trains a student with the ground truth and any number of named teachers.

    Every model reads its own streams of the batch, by the names of its inputs, so teachers may
    see what the student does not. A teacher is either *live* (a Keras model, called on the same
    unmixed batch) or *given* (None: its outputs are columns of the batch). Teachers are frozen
    and called in inference mode; nothing of them changes.

    Data are `(x, y)` or `(x, y, sample_weight)`. `x` is a dict of the streams, plus for each given
    teacher `<name>_logits` `(batch, classes)` and, where the loss reads embeddings,
    `<name>_embedding` `(batch, width)`, plus, for mixup, `mixup_share` `(batch,)`
    (see `mix_with_next`; every stream that the student reads is mixed). Where a teacher cannot see
    every sample, `<name>_available` `(batch,)`, 1 or 0, says so. `y` is `(batch,)` class indices.

    Args:
        student: A functional model with outputs `{"logits", "embedding"}`.
        teachers: Teacher models with the same outputs, or None where outputs are given, by name.
        distillation_loss: What to minimise; see `pskd_tf.distillation.losses`.
        embedding_widths: Width of each given teacher's embedding; needed only where the loss
            reads embeddings.
        name: Name of the model.

    Source: the distiller is ours; teachers on several modalities and selection per sample are
    PSKD's (Ni, Ngu, Yan, ACM MM 2022).
    """

    def __init__(
        self,
        student: keras.Model,
        teachers: Mapping[str, keras.Model | None],
        distillation_loss: DistillationLoss,
        embedding_widths: Mapping[str, int] | None = None,
        name: str = "pskd_distiller",
    ):
        super().__init__(name=name)
        self.student = student
        self.teachers = dict(teachers)
        self.distillation_loss = distillation_loss
        for teacher in self.teachers.values():
            if teacher is not None:
                teacher.trainable = False
        self.student_projections: dict[str, keras.layers.Layer] = {}
        if distillation_loss.uses_projections:
            widths = dict(embedding_widths or {})
            for key, teacher in self.teachers.items():
                if teacher is not None:
                    widths[key] = teacher.output["embedding"].shape[-1]
            missing = sorted(set(self.teachers) - set(widths))
            if missing:
                raise ValueError(
                    "embedding_widths must name every given teacher when the loss reads "
                    f"embeddings. Received: nothing for {missing}"
                )
            ordered = {key: widths[key] for key in self.teachers}
            self.student_projections = projections(keras, ordered)
            width = student.output["embedding"].shape[-1]
            for layer in self.student_projections.values():
                layer.build((None, width))
        self.loss_metric = keras.metrics.Mean(name="loss")
        self.accuracy_metric = keras.metrics.Mean(name="accuracy")
        self.part_metrics: dict[str, keras.metrics.Mean] = {}
        self.agreement_metrics = {
            key: keras.metrics.Mean(name=f"agreement_{key}") for key in self.teachers
        }
        self.followed_metrics = [
            keras.metrics.Mean(name=f"followed_{key}") for key in (*self.teachers, "ground_truth")
        ]
        for part in ("cross_entropy", "distillation", "semantic"):
            self.part_metrics[part] = keras.metrics.Mean(name=part)
        self.built = True

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        return [
            self.loss_metric,
            self.accuracy_metric,
            *self.part_metrics.values(),
            *self.agreement_metrics.values(),
            *self.followed_metrics,
        ]

    @property
    def learned_variables(self) -> list[Any]:
        """What training changes: the student's weights, then the projections' (no teacher's)."""
        layers = [self.student, *self.student_projections.values()]
        return [variable for layer in layers for variable in layer.weights]

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Returns the student's logits `(batch, classes)`."""
        return self.student(select_inputs(self.student, inputs), training=training)["logits"]

    def train_step(self, data: Any) -> dict[str, Any]:
        streams, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        share = streams.get("mixup_share")
        targets = self._targets(streams, labels)
        with tf.GradientTape() as tape:
            inputs = select_inputs(self.student, streams)
            if share is not None:
                inputs = keras.tree.map_structure(lambda one: mix_with_next(one, share), inputs)
            outputs = self._outputs(self.student(inputs, training=True))
            terms = distillation_step(self.distillation_loss, targets, outputs, share)
            loss = self._objective(terms.loss, sample_weight)
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return self._update(loss, terms, targets, outputs, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        streams, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        targets = self._targets(streams, labels)
        student = self.student(select_inputs(self.student, streams), training=False)
        outputs = self._outputs(student)
        terms = self.distillation_loss.terms(targets, outputs)
        loss = self._objective(terms.loss, sample_weight)
        return self._update(loss, terms, targets, outputs, sample_weight)

    def _targets(self, streams: Mapping[str, Any], labels: Any) -> dict[str, Any]:
        """Collects the labels and every teacher's outputs on the unmixed batch."""
        logits, embeddings = [], []
        for name, teacher in self.teachers.items():
            if teacher is None:
                logits.append(streams[f"{name}_logits"])
                if self.distillation_loss.uses_embeddings:
                    embeddings.append(streams[f"{name}_embedding"])
            else:
                outputs = teacher(select_inputs(teacher, streams), training=False)
                logits.append(ops.stop_gradient(outputs["logits"]))
                embeddings.append(ops.stop_gradient(outputs["embedding"]))
        targets: dict[str, Any] = {"labels": labels}
        if logits:
            targets["teacher_logits"] = ops.stack(logits, axis=1)
            targets["teacher_embeddings"] = embeddings
            targets |= teacher_availability(streams, self.teachers)
        return targets

    def _outputs(self, student: Mapping[str, Any]) -> dict[str, Any]:
        projected = [layer(student["embedding"]) for layer in self.student_projections.values()]
        return {**student, "projected_embeddings": projected}

    def _objective(self, values: Any, sample_weight: Any) -> Any:
        """Averages `(batch,)` after weighting, as Keras' losses do, and adds the regularisers."""
        if sample_weight is not None:
            values = values * ops.cast(sample_weight, values.dtype)
        return sum(self.student.losses, ops.mean(values))

    def _update(
        self, loss: Any, terms: Any, targets: dict[str, Any], outputs: Any, sample_weight: Any
    ) -> dict[str, Any]:
        guess = ops.argmax(outputs["logits"], axis=-1)
        # By samples, since the last batch of an evaluation may be smaller.
        self.loss_metric.update_state(loss, sample_weight=ops.shape(guess)[0])
        right = ops.equal(guess, ops.cast(targets["labels"], guess.dtype))
        self.accuracy_metric.update_state(ops.cast(right, "float32"), sample_weight)
        for name, value in terms.parts.items():
            self.part_metrics[name].update_state(value, sample_weight)
        for column, metric in enumerate(self.agreement_metrics.values()):
            teacher = ops.argmax(targets["teacher_logits"][:, column], axis=-1)
            weight = sample_weight
            if "teacher_available" in targets:
                seen = targets["teacher_available"][:, column]
                weight = seen if weight is None else seen * ops.cast(weight, seen.dtype)
            metric.update_state(ops.cast(ops.equal(guess, teacher), "float32"), weight)
        for column, metric in enumerate(self.followed_metrics):
            metric.update_state(terms.selection[:, column], sample_weight)
        return {metric.name: metric.result() for metric in self.metrics}
