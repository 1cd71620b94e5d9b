"""The base class of the distillation losses, and the terms that several of them use.

A loss is a pure function of tensors, written with `keras.ops`, inside a thin Keras class. Here are
the class, cross-entropy, the shares of the teachers in a sample and the distance of embeddings.
"""

import inspect
from typing import Any, NamedTuple

import keras
from keras import ops


class DistillationTerms(NamedTuple):
    """The loss of one batch, sample by sample.

    Attributes:
        loss: `(batch,)`, to be minimised.
        parts: Named summands of `loss`, each `(batch,)`.
        selection: `(batch, teachers + 1)`, share of each target that a sample followed; the last
            column is the ground truth, and rows sum to 1.
    """

    loss: Any
    parts: dict[str, Any]
    selection: Any


class DistillationLoss(keras.losses.Loss):
    """Base of the losses that `PSKDDistiller` and the tf_keras twin both call.

    A subclass defines `terms`, which begins with `seen_targets` where it reads teachers, and keeps
    each argument of its `__init__` as an attribute of the same name, from which `get_config` reads
    it.

    Targets are a dict of `labels` `(batch,)` (-1 where there is none, for a loss that
    `learns_without_labels`), `teacher_logits` `(batch, teachers, classes)`,
    `teacher_embeddings` (a list, one `(batch, width)` per teacher) and, where a teacher cannot see
    every sample, `teacher_available` `(batch, teachers)`, 1 or 0, and, for a loss with a
    `second_view`, `second_logits` `(batch, classes)`, the student's for that view, and, for one
    with a `queue_length`, `teacher_queues` (a list, one `(length, width)` per teacher). Outputs are
    a dict of `logits` `(batch, classes)`, `embedding` `(batch, width)` and `projected_embeddings`
    (the student's embedding as projected for each teacher).
    """

    queue_length: int = 0  # earlier embeddings of each teacher that the distiller keeps
    least_teachers: int = 0  # teachers without which it cannot be computed
    equal_widths: bool = False  # whether the embeddings of student and teachers have one width

    @property
    def learns_without_labels(self) -> bool:
        """Whether a sample without a label teaches something; other losses refuse such samples."""
        return False

    @property
    def uses_embeddings(self) -> bool:
        """Whether the loss reads the teachers' embeddings."""
        return False

    @property
    def uses_projections(self) -> bool:
        """Whether the loss compares them with the student's embedding after a projection."""
        return self.uses_embeddings

    @property
    def learned_weights(self) -> dict[str, float]:
        """Numbers that are trained with the student, with their first values.

        The outputs that `terms` takes have them by their names.
        """
        return {}

    @property
    def second_view(self) -> str:
        """Further view of each clip that the student reads: `plain`, as it is, or none ("").

        Of a clip without a label the first view is then not mixed with another clip.
        """
        return ""

    def prepared(self, outputs: dict[str, Any]) -> dict[str, Any]:
        """Returns the outputs with intermediate results that do not depend on the targets.

        A mixed batch has two sets of targets; these results are computed once for both.
        """
        return outputs

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        """Returns the loss per sample, its parts and the selection of targets."""
        raise TypeError(f"{type(self).__name__} must define terms()")

    def call(self, y_true: dict[str, Any], y_pred: dict[str, Any]) -> Any:
        """Returns the loss per sample, `(batch,)`; Keras reduces it."""
        return self.terms(y_true, y_pred).loss

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments of `__init__`, from which Keras makes the loss again."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}


class WrappedLoss(DistillationLoss):
    """Base of the losses that change the terms of another loss; it needs of models what that needs.

    Args:
        loss: The other loss.
        name: Name of the loss.
    """

    def __init__(self, loss: DistillationLoss, name: str):
        super().__init__(name=name)
        self.loss = loss
        self.queue_length = loss.queue_length
        self.least_teachers = loss.least_teachers
        self.equal_widths = loss.equal_widths

    @property
    def learns_without_labels(self) -> bool:
        return self.loss.learns_without_labels

    @property
    def uses_embeddings(self) -> bool:
        return self.loss.uses_embeddings

    @property
    def uses_projections(self) -> bool:
        return self.loss.uses_projections

    @property
    def learned_weights(self) -> dict[str, float]:
        return self.loss.learned_weights

    @property
    def second_view(self) -> str:
        return self.loss.second_view

    def prepared(self, outputs: dict[str, Any]) -> dict[str, Any]:
        return self.loss.prepared(outputs)

    def get_config(self) -> dict[str, Any]:
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "WrappedLoss":
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss})


def check_temperature(temperature: float) -> None:
    """Raises a ValueError if a temperature is not positive."""
    if temperature <= 0:
        raise ValueError(f"temperature must be positive. Received: {temperature}")


def cross_entropy(labels: Any, logits: Any, label_smoothing: float = 0.0) -> Any:
    """Returns `-sum_c t_c log softmax(z)_c` per sample, t the smoothed one-hot label.

    Args:
        labels: `(batch,)` class indices; -1 for a sample without a label, whose value is 0.
        logits: `(batch, classes)`.
        label_smoothing: Share s of the target spread evenly: `t = (1 - s) onehot + s / classes`.

    Returns:
        `(batch,)`, in nats. Source: Szegedy et al. 2016 for the smoothing.
    """
    num_classes = logits.shape[-1]
    labels = ops.cast(labels, "int32")
    one_hot = ops.one_hot(labels, num_classes, dtype=logits.dtype)
    target = one_hot * (1.0 - label_smoothing) + label_smoothing / num_classes
    value = -ops.sum(target * ops.log_softmax(logits, axis=-1), axis=-1)
    return value * ops.cast(labels >= 0, value.dtype)


@keras.saving.register_keras_serializable(package="pskd_tf")
class CrossEntropy(DistillationLoss):
    """Cross-entropy with the ground truth, ignoring any teacher.

    Args:
        label_smoothing: Share of the target spread evenly over the classes, 0 to 1.
        name: Name of the loss.
    """

    def __init__(self, label_smoothing: float = 0.0, name: str = "cross_entropy"):
        super().__init__(name=name)
        self.label_smoothing = label_smoothing

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        loss = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        num_teachers = targets["teacher_logits"].shape[1] if "teacher_logits" in targets else 0
        ground_truth = ops.ones_like(loss)[:, None]
        ignored = ops.repeat(ops.zeros_like(ground_truth), num_teachers, axis=1)
        selection = ops.concatenate([ignored, ground_truth], axis=1)
        return DistillationTerms(loss, {"cross_entropy": loss}, selection)


def teacher_availability_of(targets: dict[str, Any]) -> Any:
    """Returns `(batch, teachers)`: 1 where a teacher is available for the sample, else 0.

    Args:
        targets: As `DistillationLoss.terms` takes them; without `teacher_available` all are 1.
    """
    everywhere = ops.ones_like(targets["teacher_logits"][..., 0])
    if "teacher_available" not in targets:
        return everywhere
    return ops.cast(targets["teacher_available"], everywhere.dtype)


def seen_targets(targets: dict[str, Any]) -> dict[str, Any]:
    """Returns the targets with zeros in place of what unavailable teachers put out.

    A share of 0 alone would not leave out an output that is not finite: 0 times NaN is NaN.

    Args:
        targets: As `DistillationLoss.terms` takes them; unchanged without `teacher_available`.
    """
    if "teacher_available" not in targets:
        return targets
    seen = ops.cast(targets["teacher_available"], "float32")[..., None] > 0
    masked = dict(targets)
    masked["teacher_logits"] = _zero_unless(seen, targets["teacher_logits"])
    if "teacher_embeddings" in targets:
        masked["teacher_embeddings"] = [
            _zero_unless(seen[:, teacher], embedding)
            for teacher, embedding in enumerate(targets["teacher_embeddings"])
        ]
    return masked


def _zero_unless(seen: Any, values: Any) -> Any:
    return ops.where(seen, values, ops.zeros_like(values))


def normalized_shares(weights: Any) -> Any:
    """Returns weights `(batch, teachers)`, not negative, scaled to rows that sum to 1 (or to 0)."""
    total = ops.sum(weights, axis=1, keepdims=True)
    return weights / ops.where(total > 0, total, ops.ones_like(total))


def complement_shares(fractions: Any, available: Any) -> Any:
    """Returns `w_k = (1 - q_k) / (n - 1)` over the n teachers that are available to a sample.

    Where n = 1 the formula is 0 / 0; that teacher is then followed in full (ours).

    Args:
        fractions: q, `(batch, teachers)`, summing to 1 over the available teachers.
        available: `(batch, teachers)`, 1 or 0.

    Returns:
        `(batch, teachers)`, rows summing to 1, or to 0 where no teacher is available.
    """
    several = ops.sum(available, axis=1, keepdims=True) > 1
    return normalized_shares(available * ops.where(several, 1.0 - fractions, available))


def selection_of(shares: Any) -> Any:
    """Returns `(batch, teachers + 1)`: the shares `(batch, teachers)`, then the ground truth's."""
    remaining = ops.maximum(1.0 - ops.sum(shares, axis=1, keepdims=True), 0.0)
    return ops.concatenate([shares, remaining], axis=1)


def semantic_distance(teacher_embedding: Any, projected_embedding: Any, kind: str = "mse") -> Any:
    """Returns the mean squared error, or 1 - cosine, between two embeddings per sample.

    Args:
        teacher_embedding: `(batch, width)`.
        projected_embedding: `(batch, width)`, the student's, projected to the teacher's width.
        kind: `mse` or `cosine`.

    Returns:
        `(batch,)`. Source: the MSE on the first dense layer is VSKD's (Ni et al. 2022); the
        cosine is ours.

    Raises:
        ValueError: `kind` is neither.
    """
    if kind == "mse":
        return ops.mean(ops.square(teacher_embedding - projected_embedding), axis=-1)
    if kind == "cosine":
        teacher = ops.normalize(teacher_embedding, axis=-1)
        student = ops.normalize(projected_embedding, axis=-1)
        return 1.0 - ops.sum(teacher * student, axis=-1)
    raise ValueError(f"kind must be mse or cosine. Received: {kind}")


def semantic_distances(targets: dict[str, Any], outputs: dict[str, Any], kind: str = "mse") -> Any:
    """Returns `(batch, teachers)`: `semantic_distance` of each teacher and its projection.

    Args:
        targets: As `DistillationLoss.terms` takes them.
        outputs: As `DistillationLoss.terms` takes them.
        kind: `mse` or `cosine`.
    """
    pairs = zip(targets["teacher_embeddings"], outputs["projected_embeddings"], strict=True)
    return ops.stack(
        [semantic_distance(teacher, student, kind) for teacher, student in pairs], axis=1
    )
