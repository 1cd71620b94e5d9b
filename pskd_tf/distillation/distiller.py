"""The distiller: a Keras model that trains a student with one or several teachers."""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import tensorflow as tf
from keras import ops

from data_prep.errors import UserError
from pskd_tf.distillation.conventions import (
    check_apart,
    check_model,
    class_indices,
    logits_tensor,
    named_outputs,
    named_streams,
    streams_read,
    weight_column,
)
from pskd_tf.distillation.losses.base import DistillationLoss
from pskd_tf.distillation.sharpness import sharpness_aware_gradients
from pskd_tf.distillation.step import (
    TEACHERS_SEE,
    distillation_step,
    mixed_streams,
    teacher_targets,
)
from pskd_tf.distillation.training_means import MeanTable, batch_sums, mean_names
from pskd_tf.models.registry import select_inputs


@keras.saving.register_keras_serializable(package="pskd_tf")
class PSKDDistiller(keras.Model):
    """Trains a student with the ground truth and any number of named teachers.

    Each model reads its own streams of the batch, by the names of its inputs, so a teacher may
    read streams that the student does not. A teacher is either *live* (a Keras model, called on
    the same batch) or *given* (None: its outputs are columns of the batch). Teachers are frozen
    and called in inference mode; training does not change them.

    Data are `(x, y)` or `(x, y, sample_weight)`. `x` is a dict of the streams (or the stream
    itself, where all models read the same one), plus for each given teacher `<name>_logits`
    `(batch, classes)` and, where the loss reads embeddings, `<name>_embedding` `(batch, width)`,
    plus, for mixup, `mixup_share` `(batch,)` (see `mix_with_next`; every stream that the student
    reads is mixed). `<name>_available` `(batch,)`, 1 or 0, marks the samples for which a teacher is
    available; without it all are. The outputs of a teacher that is not available may be NaN. `y` is
    `(batch,)` or `(batch, 1)` class indices, from 0.

    Where the loss has a `second_view`, `x` also has that view of each stream that the student
    reads, `second_<stream>`. Of it the student gives logits in inference mode, without a gradient.

    `compile` takes an optimiser and metrics of the student's logits, but no loss, which is
    `distillation_loss`. Loss scaling, mixed precision (losses are float32), `class_weight` and
    `sample_weight` are Keras' own. `export` writes the student alone.

    The models are functional or Sequential Keras models with `Input` layers named after the
    streams. A distiller is saved and loaded as any Keras model (`.keras`), teachers and
    projections included; import this class before loading.

    Args:
        student: A model with outputs `{"logits": (batch, classes), "embedding": (batch, width)}`,
            or with the logits alone where the loss reads no embeddings.
        teachers: Teacher models with such outputs, or None where outputs are given, by name.
        distillation_loss: The loss; see `pskd_tf.distillation.losses`.
        embedding_widths: Width of each given teacher's embedding; needed only where the loss
            reads embeddings.
        teachers_see: Input of the teachers in a batch under mixup, the `sources` or the
            `mixture`; see `distillation_step`. Only live teachers can read mixtures.
        labels_may_be_missing: Whether -1 stands for a label that is missing. Such samples have no
            cross-entropy and do not count in the accuracy.
        sharpness_radius: Radius of sharpness-aware minimisation, on one device; see
            `sharpness_aware_gradients`. 0 for none.
        name: Name of the model.

    Raises:
        ValueError: A model is not of Keras 3, has no named inputs, lacks an output, puts out
            probabilities or has another number of classes; a teacher shares a layer with the
            student; a given teacher is to see mixtures; the loss needs every label and labels may
            be missing, more teachers than there are, or embeddings of one width.

    Examples:
        >>> loss = AdaptiveConfidenceSemantic("soft", temperature=2.0)
        >>> distiller = PSKDDistiller(student, {"body": body}, loss)
        >>> distiller.compile(optimizer=keras.optimizers.AdamW(1e-3))
        >>> distiller.fit(batches, epochs=10)  # batches of ({stream: ...}, labels)

    Source: the distiller is ours; teachers on several modalities and selection per sample come
    from PSKD (Ni, Ngu, Yan, ACM MM 2022).
    """

    def __init__(
        self,
        student: keras.Model,
        teachers: Mapping[str, keras.Model | None],
        distillation_loss: DistillationLoss,
        embedding_widths: Mapping[str, int] | None = None,
        teachers_see: str = "sources",
        labels_may_be_missing: bool = False,
        sharpness_radius: float = 0.0,
        name: str = "pskd_distiller",
    ):
        super().__init__(name=name)
        self.student = student
        self.teachers = dict(teachers)
        self.distillation_loss = distillation_loss
        self.embedding_widths = dict(embedding_widths or {})
        self.teachers_see = teachers_see
        self.labels_may_be_missing = labels_may_be_missing
        self.sharpness_radius = sharpness_radius
        self._check_what_teachers_see()
        if len(self.teachers) < distillation_loss.least_teachers:
            rule = f"{distillation_loss.name} needs {distillation_loss.least_teachers} teachers"
            raise UserError(rule, ", ".join(self.teachers) or "none")
        if labels_may_be_missing and not distillation_loss.learns_without_labels:
            raise ValueError(
                "A loss must learn without labels where labels may be missing. "
                f"Received: {distillation_loss.name}"
            )
        self.num_classes = check_model(
            "student model", student, reads_embedding=distillation_loss.uses_embeddings
        )
        for key, teacher in self.teachers.items():
            if teacher is not None:
                check_model(
                    f"teacher model {key}",
                    teacher,
                    reads_embedding=distillation_loss.uses_embeddings,
                    num_classes=self.num_classes,
                )
                check_apart(student, f"teacher model {key}", teacher)
                teacher.trainable = False
        self.student_projections: dict[str, keras.layers.Layer] = {}
        self.queues: dict[str, Any] = {}
        widths = dict(self.embedding_widths)
        if distillation_loss.uses_embeddings:
            for key, teacher in self.teachers.items():
                if teacher is not None:
                    widths[key] = teacher.output["embedding"].shape[-1]
        if distillation_loss.equal_widths:
            self._check_widths(widths)
        if distillation_loss.uses_projections:
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
            if distillation_loss.queue_length:
                for key, own in ordered.items():
                    self._add_queue(key, distillation_loss.queue_length, own)
        self.learned_weights = {
            key: self.add_weight(shape=(), initializer=keras.initializers.Constant(value), name=key)
            for key, value in distillation_loss.learned_weights.items()
        }
        self.means = MeanTable(mean_names(self.teachers))
        self.built = True

    def _check_widths(self, widths: Mapping[str, int]) -> None:
        own = self.student.output["embedding"].shape[-1]
        other = {key: width for key, width in widths.items() if width != own}
        if other:
            rule = (
                f"{self.distillation_loss.name} needs embeddings of one width: the student's has "
                f"{own} values"
            )
            raise UserError(rule, ", ".join(f"{width} of {key}" for key, width in other.items()))

    def _add_queue(self, teacher: str, length: int, width: int) -> None:
        self.queues[teacher] = self.add_weight(
            shape=(length, width),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            aggregation="only_first_replica",
            name=f"queue_{teacher}",
        )

    def _check_what_teachers_see(self) -> None:
        if self.teachers_see not in TEACHERS_SEE:
            raise ValueError(
                f"teachers_see must be one of {TEACHERS_SEE}. Received: {self.teachers_see}"
            )
        given = [name for name, teacher in self.teachers.items() if teacher is None]
        if self.teachers_see == "mixture" and given:
            raise ValueError(f"Only live teachers can see mixtures. Received: {given} as given")

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        **arguments: Any,
    ) -> None:
        """Compiles as `keras.Model.compile` does, without a loss.

        Args:
            optimizer: The optimiser, with or without loss scaling.
            loss: Not taken: the loss is `distillation_loss`.
            loss_weights: Not taken.
            **arguments: `metrics` and `weighted_metrics` of labels and logits, `jit_compile` and
                the others of `keras.Model.compile`. A metric called as one of the distiller's own
                replaces it.

        Raises:
            ValueError: A loss was given.
        """
        if loss is not None or loss_weights is not None:
            rule = "The loss of a distiller is its distillation_loss; leave loss out of compile"
            raise ValueError(f"{rule}. Received: loss={loss}, loss_weights={loss_weights}")
        super().compile(optimizer=optimizer, **arguments)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compiles as the saved distiller was compiled."""
        # Keras leaves this to a model whose `compile` is its own.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        # Keras' own mean of the loss is one of our means.
        compiled = [one for one in super().metrics if one is not self.means and one.name != "loss"]
        return [self.means, *compiled]

    @property
    def learned_variables(self) -> list[Any]:
        """What training changes: weights of the student, the projections and the loss, queues."""
        layers = [self.student, *self.student_projections.values()]
        return [
            *(variable for layer in layers for variable in layer.weights),
            *self.queues.values(),
            *self.learned_weights.values(),
        ]

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        """Returns the student's logits `(batch, classes)`."""
        streams = named_streams(inputs, streams_read([self.student]))
        student = self.student(select_inputs(self.student, streams), training=training)
        return named_outputs(student)["logits"]

    def export(self, filepath: str | Path, **arguments: Any) -> None:
        """Exports the student, which is what is deployed; it puts out its logits.

        Args:
            filepath: Where the exported model goes.
            **arguments: Further ones of `keras.Model.export`, such as `format`.
        """
        inputs = {tensor.name: tensor for tensor in self.student.inputs}
        chosen = inputs if len(inputs) > 1 else self.student.inputs[0]
        keras.Model(chosen, logits_tensor(self.student)).export(filepath, **arguments)

    def get_config(self) -> dict[str, Any]:
        serialize = keras.saving.serialize_keras_object

        def model(one: keras.Model) -> dict[str, Any]:
            # The optimiser of an earlier training is no part of the distillation.
            return {key: value for key, value in serialize(one).items() if key != "compile_config"}

        return {
            "student": model(self.student),
            "teachers": {
                key: None if teacher is None else model(teacher)
                for key, teacher in self.teachers.items()
            },
            "distillation_loss": serialize(self.distillation_loss),
            "embedding_widths": dict(self.embedding_widths),
            "teachers_see": self.teachers_see,
            "labels_may_be_missing": self.labels_may_be_missing,
            "sharpness_radius": self.sharpness_radius,
            "name": self.name,
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> "PSKDDistiller":
        # The import registers our losses with Keras.
        import_module("pskd_tf.distillation.losses.registry")
        deserialize = keras.saving.deserialize_keras_object
        models = {
            "student": deserialize(config["student"], custom_objects),
            "distillation_loss": deserialize(config["distillation_loss"], custom_objects),
            "teachers": {
                key: None if teacher is None else deserialize(teacher, custom_objects)
                for key, teacher in config["teachers"].items()
            },
        }
        return cls(**(config | models))

    def train_step(self, data: Any) -> dict[str, Any]:
        streams, labels, sample_weight = self._batch(data)
        share = streams.get("mixup_share")
        second = self.distillation_loss.second_view
        if share is not None and second:
            share = ops.where(labels >= 0, share, ops.ones_like(share))
        mixed = streams if share is None else self._mixed(streams, share)
        seen = mixed if self.teachers_see == "mixture" else streams
        targets = self._targets(seen, labels)
        if second:
            targets |= self._second_logits(streams)
        if self.queues:
            targets["teacher_queues"] = [ops.copy(queue) for queue in self.queues.values()]
        variables = self.trainable_variables

        def gradients() -> tuple[list[Any], tuple[Any, ...]]:
            with tf.GradientTape() as tape:
                inputs = select_inputs(self.student, mixed)
                outputs = self._outputs(self.student(inputs, training=True))
                terms = distillation_step(
                    self.distillation_loss, targets, outputs, share, self.teachers_see
                )
                loss = self._objective(terms.loss, sample_weight)
                # Each device has a part of the batch; their gradients are added.
                part = loss / tf.distribute.get_strategy().num_replicas_in_sync
                part = self.optimizer.scale_loss(part)
            return tape.gradient(part, variables), (loss, terms, outputs)

        if self.sharpness_radius:
            state = self.student.non_trainable_variables
            found, results = sharpness_aware_gradients(
                gradients, variables, state, self.sharpness_radius
            )
        else:
            found, results = gradients()
        loss, terms, outputs = results
        self.optimizer.apply_gradients(zip(found, variables, strict=True))
        for queue, embedding in zip(
            self.queues.values(), targets.get("teacher_embeddings", ()), strict=False
        ):
            queue.assign(ops.concatenate([queue, embedding], axis=0)[-queue.shape[0] :])
        return self._update(loss, terms, targets, outputs, sample_weight)

    def test_step(self, data: Any) -> dict[str, Any]:
        streams, labels, sample_weight = self._batch(data)
        targets = self._targets(streams, labels)
        student = self.student(select_inputs(self.student, streams), training=False)
        outputs = self._outputs(student)
        terms = self.distillation_loss.terms(targets, outputs)
        loss = self._objective(terms.loss, sample_weight)
        return self._update(loss, terms, targets, outputs, sample_weight)

    def _batch(self, data: Any) -> tuple[Mapping[str, Any], Any, Any]:
        x, labels, sample_weight = keras.utils.unpack_x_y_sample_weight(data)
        streams = named_streams(x, streams_read([self.student, *self._live_teachers()]))
        indices = class_indices(labels, self.num_classes, self.labels_may_be_missing)
        return streams, indices, weight_column(sample_weight)

    def _live_teachers(self) -> list[keras.Model]:
        return [teacher for teacher in self.teachers.values() if teacher is not None]

    def _mixed(self, streams: Mapping[str, Any], share: Any) -> Mapping[str, Any]:
        """Mixes what the student reads and, where teachers see mixtures, what they read."""
        if self.teachers_see == "sources":
            return mixed_streams(streams, share, [self.student])
        return mixed_streams(streams, share, [self.student, *self._live_teachers()], self.teachers)

    def _targets(self, streams: Mapping[str, Any], labels: Any) -> dict[str, Any]:
        reads_embeddings = self.distillation_loss.uses_embeddings
        return {"labels": labels, **teacher_targets(streams, self.teachers, reads_embeddings)}

    def _second_logits(self, streams: Mapping[str, Any]) -> dict[str, Any]:
        views = {
            name.removeprefix("second_"): view
            for name, view in streams.items()
            if name.startswith("second_")
        }
        outputs = named_outputs(self.student(select_inputs(self.student, views), training=False))
        return {"second_logits": ops.stop_gradient(outputs["logits"])}

    def _outputs(self, student: Any) -> dict[str, Any]:
        student = named_outputs(student)
        projected = [
            ops.cast(layer(student["embedding"]), "float32")
            for layer in self.student_projections.values()
        ]
        learned = {key: ops.convert_to_tensor(one) for key, one in self.learned_weights.items()}
        return {**student, **learned, "projected_embeddings": projected}

    def _objective(self, values: Any, sample_weight: Any) -> Any:
        """Returns the weighted mean of `(batch,)`, as Keras' losses do, plus the regularisers."""
        if sample_weight is not None:
            values = values * sample_weight
        regularisers = [ops.cast(one, values.dtype) for one in self.student.losses]
        return sum(regularisers, ops.mean(values))

    def _update(
        self, loss: Any, terms: Any, targets: dict[str, Any], outputs: Any, sample_weight: Any
    ) -> dict[str, Any]:
        logits, labels = outputs["logits"], targets["labels"]
        missing = self.labels_may_be_missing
        sums = batch_sums(loss, terms, targets, logits, sample_weight, missing)
        self.means.update_state(*sums)
        if missing:  # the caller's metrics see only samples with labels
            known = labels >= 0
            labels, logits = tf.boolean_mask(labels, known), tf.boolean_mask(logits, known)
            if sample_weight is not None:
                sample_weight = tf.boolean_mask(sample_weight, known)
        results: dict[str, Any] = self.compute_metrics(None, labels, logits, sample_weight)
        return results


def projections(keras_module: ModuleType, widths: Mapping[str, int]) -> dict[str, Any]:
    """Makes one bias-free linear layer per teacher, from the student's width to the teacher's.

    Args:
        keras_module: `keras` or `tf_keras`.
        widths: Width of each teacher's embedding, by the teacher's name.

    Returns:
        Unbuilt `Dense` layers by the teacher's name.
    """
    return {
        name: keras_module.layers.Dense(width, use_bias=False, name=f"projection_{name}")
        for name, width in widths.items()
    }
