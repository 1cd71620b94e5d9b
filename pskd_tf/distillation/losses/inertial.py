"""Losses on embeddings from systems that teach a student of inertial data.

FeatureKD (LightHART) takes embeddings for distributions, MSKD compares similarities on two scales,
and the TAS chain brings the student's embedding to that of an assistant.
"""

from typing import Any

import keras
from keras import ops

from pskd_tf.distillation.losses.base import (
    DistillationLoss,
    DistillationTerms,
    check_temperature,
    cross_entropy,
    normalized_shares,
    seen_targets,
    selection_of,
    semantic_distances,
    teacher_availability_of,
)
from pskd_tf.distillation.losses.contrastive import info_nce
from pskd_tf.distillation.losses.embeddings import SimilarityPreservingDistillation
from pskd_tf.distillation.losses.logits import knowledge_distillation

RIGHT_TEACHER, WRONG_TEACHER = 2 / 3, 1 / 3


def focal_loss(labels: Any, logits: Any, balance: float, focus: float) -> Any:
    """Returns `a (1 - p_y)^g CE` per sample, p_y the probability of the label.

    Args:
        labels: `(batch,)` class indices.
        logits: `(batch, classes)`.
        balance: a.
        focus: g, not negative; with g = 0 and a = 1 it is cross-entropy.

    Returns:
        `(batch,)`, in nats. Source: Lin et al., ICCV 2017, for two classes; with one a for all
        classes it is ours.
    """
    truth = cross_entropy(labels, logits)
    # A power of 0 has no finite gradient where p_y is 1.
    doubt = (1.0 - ops.exp(-truth)) ** focus if focus else 1.0
    return balance * doubt * truth


@keras.saving.register_keras_serializable(package="pskd_tf")
class FeatureDistillation(DistillationLoss):
    """FeatureKD: `a mean_k w_k KL(softmax(f_k / T) || softmax(f_s / T)) + (1 - a) focal`.

    f are the embeddings `(batch, width)` of student and teacher, of equal width and without a
    projection; w_k is 2/3 where teacher k is right about the sample and 1/3 where it is wrong. No
    T^2 multiplies the divergence. focal is `focal_loss` of the student's logits. The mean is over
    the teachers available to a sample; where there is none the loss is focal (both ours).

    Source: FeatureKD of SmartFallMM and LightHART (Haque, Ngu et al.), as the released code
    computes it, with T = 2 and a = .8 for UTD-MHAD (T = 4.5 and a = .6 elsewhere) and a focal loss
    of .6 and gamma 2; several classes in it are ours. Its teacher reads skeleton and accelerometer.

    Args:
        temperature: T, above 0.
        feature_share: a, 0 to 1.
        balance: Factor of the focal loss.
        focus: Exponent of the focal loss.
        name: Name of the loss.
    """

    equal_widths = True

    def __init__(
        self,
        temperature: float = 2.0,
        feature_share: float = 0.8,
        balance: float = 0.6,
        focus: float = 2.0,
        name: str = "feature_distillation",
    ):
        super().__init__(name=name)
        check_temperature(temperature)
        if not 0 <= feature_share <= 1:
            raise ValueError(f"feature_share must lie in 0..1. Received: {feature_share}")
        if focus < 0:
            raise ValueError(f"focus must not be negative. Received: {focus}")
        self.temperature = temperature
        self.feature_share = feature_share
        self.balance = balance
        self.focus = focus

    @property
    def uses_embeddings(self) -> bool:
        return True

    @property
    def uses_projections(self) -> bool:
        return False

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        labels = ops.cast(targets["labels"], "int32")
        truth = focal_loss(labels, outputs["logits"], self.balance, self.focus)
        features = ops.stack(targets["teacher_embeddings"], axis=1)
        divergence = knowledge_distillation(
            features, outputs["embedding"][:, None, :], self.temperature
        )
        guesses = ops.cast(ops.argmax(targets["teacher_logits"], axis=-1), "int32")
        right = ops.equal(guesses, labels[:, None])
        weights = ops.where(right, RIGHT_TEACHER, WRONG_TEACHER) / self.temperature**2
        shares = self.feature_share * normalized_shares(teacher_availability_of(targets))
        selection = selection_of(shares)
        parts = {
            "cross_entropy": selection[:, -1] * truth,
            "semantic": ops.sum(shares * weights * divergence, axis=1),
        }
        return DistillationTerms(sum(parts.values()), parts, selection)


@keras.saving.register_keras_serializable(package="pskd_tf")
class MultiScaleSimilarity(SimilarityPreservingDistillation):
    """MSKD, reconstructed: `CE + b mean_k (SP_k of embeddings + SP_k of softmax(z))`.

    SP is `similarity_preserving`: the squared difference of row-normalised `F F^T` between student
    and teacher, F `(batch, width)`, over the batch size squared. The scales of the paper are hidden
    layers of several resolutions; ours are the two outputs that every net here has, z the logits
    `(batch, classes)`. Source: MSKD (2024), of which the abstract alone is public to us; scales and
    b are ours.

    Args:
        similarity_weight: b.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        similarity_weight: float = 1500.0,
        label_smoothing: float = 0.0,
        name: str = "multi_scale_similarity",
    ):
        super().__init__(similarity_weight, label_smoothing, name)

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        loss, parts, selection = super().terms(targets, outputs)
        teachers = ops.unstack(ops.softmax(targets["teacher_logits"], axis=-1), axis=1)
        student = ops.softmax(outputs["logits"], axis=-1)
        coarse = super().terms(
            {**targets, "teacher_embeddings": teachers}, {**outputs, "embedding": student}
        )
        parts["semantic"] = parts["semantic"] + coarse.parts["semantic"]
        return DistillationTerms(loss + coarse.parts["semantic"], parts, selection)


@keras.saving.register_keras_serializable(package="pskd_tf")
class AssistantContrast(DistillationLoss):
    """The last link of the TAS chain, adapted: `CE + mean_k (m d_k + c InfoNCE_k)`.

    d_k is the mean squared error and InfoNCE_k is `info_nce` with temperature t, both between the
    assistant's embedding `(batch, width)` and the student's projected one. The mean is over the
    teachers available to a sample. Source: the teacher-assistant-student chain for OpenPack
    (t = .07), whose assistant learns wrist motion from the skeleton teacher. Ours: the assistant
    reads skeleton and accelerometer; one pair for each clip instead of each moment; m and c; no
    term on attention, of which the embedding has none.

    Args:
        semantic_weight: m.
        contrast_weight: c.
        temperature: t, above 0.
        label_smoothing: Smoothing of the cross-entropy, 0 to 1.
        name: Name of the loss.
    """

    def __init__(
        self,
        semantic_weight: float = 1.0,
        contrast_weight: float = 1.0,
        temperature: float = 0.07,
        label_smoothing: float = 0.0,
        name: str = "assistant_contrast",
    ):
        super().__init__(name=name)
        check_temperature(temperature)
        self.semantic_weight = semantic_weight
        self.contrast_weight = contrast_weight
        self.temperature = temperature
        self.label_smoothing = label_smoothing

    @property
    def uses_embeddings(self) -> bool:
        return True

    def terms(self, targets: dict[str, Any], outputs: dict[str, Any]) -> DistillationTerms:
        targets = seen_targets(targets)
        truth = cross_entropy(targets["labels"], outputs["logits"], self.label_smoothing)
        available = teacher_availability_of(targets)
        pairs = zip(outputs["projected_embeddings"], targets["teacher_embeddings"], strict=True)
        contrasts = [
            info_nce(student, teacher, available[:, place], self.temperature)
            for place, (student, teacher) in enumerate(pairs)
        ]
        each = self.semantic_weight * semantic_distances(targets, outputs)
        each = each + self.contrast_weight * ops.stack(contrasts, axis=1)
        shares = normalized_shares(available)
        semantic = ops.sum(shares * each, axis=1)
        parts = {"cross_entropy": truth, "semantic": semantic}
        return DistillationTerms(truth + semantic, parts, selection_of(shares))
