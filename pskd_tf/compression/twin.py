"""The tf_keras twin of a student, which TFMOT can prune and quantise.

TFMOT takes tf_keras models only. `student_twin` copies a Keras 3 student, `quantised_twin` wraps
the copy for quantisation-aware training, `train_twin` trains either with the distillation loss,
and `unwrapped_weights` returns the weights for Keras 3.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from keras import ops

from data_prep.errors import UserError
from pskd_tf.distillation.distiller import projections
from pskd_tf.distillation.losses.base import DistillationLoss
from pskd_tf.distillation.optimizer import joined, put_back
from pskd_tf.distillation.step import (
    check_finite_loss,
    distillation_step,
    mix_with_next,
    teacher_targets,
)
from pskd_tf.models.registry import build_student


def student_twin(student_weights: Sequence[np.ndarray], **builder_arguments: Any) -> tf_keras.Model:
    """Builds the tf_keras student with the weights of a Keras 3 student.

    Args:
        student_weights: `get_weights()` of the Keras 3 student; the order is the same in tf_keras.
        **builder_arguments: Keyword arguments of `build_student`; without `model` it is the
            `accelerometer_student`.

    Returns:
        A functional tf_keras model with the outputs `logits` and `embedding`.

    Raises:
        ValueError: The weights do not fit the architecture.
    """
    twin = build_student(tf_keras, **builder_arguments)
    twin.set_weights(list(student_weights))
    return twin


def with_convolution_head(
    weights: Sequence[np.ndarray], builder_arguments: Mapping[str, Any]
) -> tuple[list[np.ndarray], dict[str, Any]]:
    """Returns an `accelerometer_student` with its dense head expressed as convolutions.

    Args:
        weights: `get_weights()` of the student.
        builder_arguments: Keyword arguments of `build_student`.

    Returns:
        The same weights in the shapes of the other head, and its arguments.
    """
    arguments = {**builder_arguments, "head": "convolution"}
    shapes = [tuple(one.shape) for one in build_student(tf_keras, **arguments).weights]
    return [one.reshape(shape) for one, shape in zip(weights, shapes, strict=True)], arguments


class TwinDistiller(tf_keras.Model):
    """Trains a tf_keras student with teachers' outputs that are columns of the batch.

    It is the counterpart of `PSKDDistiller` for TFMOT, with the same loss and mixup. Data are
    `(x, y)` as `prune_student` describes them.

    Args:
        student: The twin, its layers wrapped for pruning or not.
        teachers: Names of the teachers; empty for the ground truth alone.
        distillation_loss: The loss.
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
        trained = self.trainable_variables
        self.vector = tf.Variable(joined(trained, trained), trainable=False)
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
        reads_embeddings = self.distillation_loss.uses_embeddings
        given = dict.fromkeys(self.teachers)
        targets = {"labels": labels, **teacher_targets(streams, given, reads_embeddings)}
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
        self.update_weights(tape.gradient(loss, variables), variables)
        guess = ops.argmax(outputs["logits"], axis=-1)
        right = tf.equal(guess, tf.cast(labels, guess.dtype))
        self.loss_metric.update_state(loss)
        # A sample without a label (-1) has no weight in the accuracy.
        self.accuracy_metric.update_state(
            tf.cast(right, tf.float32), sample_weight=tf.cast(labels >= 0, tf.float32)
        )
        return {metric.name: metric.result() for metric in self.metrics}

    def update_weights(self, gradients: Sequence[Any], variables: Sequence[Any]) -> None:
        """Updates all weights in one vector: faster, and with the same bits as one by one.

        The optimiser must update each weight independently of the others, as Adam does.

        Args:
            gradients: A gradient, or None, for each variable.
            variables: The weights.
        """
        self.vector.assign(joined(variables, variables))
        self.optimizer.apply_gradients([(joined(gradients, variables), self.vector)])
        put_back(self.vector, variables)


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
    name: str = "pruning",
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
        name: Name of the training, for errors.

    Returns:
        `loss` and `accuracy` per epoch.

    Raises:
        UserError: There are too few batches, or the loss is no longer finite.
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
        on_train_batch_end=lambda step, _: steps.append(step),
        on_epoch_end=lambda epoch, logs: check_finite_loss(logs["loss"], name, epoch + 1),
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
    if not all(np.isfinite(one).all() for one in student.get_weights()):  # by the last update
        check_finite_loss(float("nan"), name, epochs)
    return {name: [float(value) for value in values] for name, values in history.items()}


def quantised_twin(
    weights: Sequence[np.ndarray] | None,
    builder_arguments: dict[str, Any],
    *,
    preserve_sparsity: bool = False,
) -> tf_keras.Model:
    """Wraps a student's twin for quantisation-aware training, with TFMOT's cold ranges of +-6.

    Args:
        weights: `get_weights()` of the Keras 3 student; None for fresh ones.
        builder_arguments: Keyword arguments of `build_student`.
        preserve_sparsity: Whether kernel weights that are 0 now stay 0 (Conv2D and Dense).

    Returns:
        The wrapped model with the outputs `logits` and `embedding`; layers are called `quant_...`.
    """
    twin = build_student(tf_keras, **builder_arguments)
    if weights is not None:
        twin.set_weights(list(weights))
    if not preserve_sparsity:
        return tfmot.quantization.keras.quantize_model(twin)
    return tfmot.quantization.keras.quantize_apply(
        tfmot.quantization.keras.quantize_annotate_model(twin),
        tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme(),
    )


def unwrapped_weights(model: tf_keras.Model, builder_arguments: dict[str, Any]) -> list[np.ndarray]:
    """Reads the weights of the student from its wrapped twin.

    Args:
        model: From `quantised_twin`, trained or not.
        builder_arguments: Keyword arguments of `build_student`.

    Returns:
        Arrays in the order of the student's `get_weights()`.
    """
    twin = build_student(tf_keras, **builder_arguments)
    for layer in twin.layers:
        if layer.weights:
            # The wrapper holds its layer's weights in another order, beside its ranges.
            wrapper = model.get_layer(f"quant_{layer.name}")
            values = {variable_name(one): one.numpy() for one in wrapper.weights}
            layer.set_weights([values[variable_name(one)] for one in layer.weights])
    weights: list[np.ndarray] = twin.get_weights()
    return weights


def variable_name(variable: tf.Variable) -> str:
    """Returns the last part of a variable's name: "kernel" of "quant_stem/kernel:0"."""
    name: str = variable.name
    return name.split("/")[-1].split(":")[0]
