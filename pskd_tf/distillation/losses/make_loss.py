"""From a loss's name and arguments to the loss."""

from typing import Any

from data_prep.user_error import UserError
from pskd_tf.distillation.losses.adaptive_confidence_semantic import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.adaptive_ensemble_distillation import AdaptiveEnsembleDistillation
from pskd_tf.distillation.losses.confidence_aware_distillation import ConfidenceAwareDistillation
from pskd_tf.distillation.losses.cross_entropy import CrossEntropy
from pskd_tf.distillation.losses.decoupled_distillation import DecoupledDistillation
from pskd_tf.distillation.losses.densely_guided_distillation import DenselyGuidedDistillation
from pskd_tf.distillation.losses.distillation_loss import DistillationLoss
from pskd_tf.distillation.losses.entropy_based_distillation import EntropyBasedDistillation
from pskd_tf.distillation.losses.guided_knowledge_distillation import GuidedKnowledgeDistillation
from pskd_tf.distillation.losses.knowledge_distillation import KnowledgeDistillation
from pskd_tf.distillation.losses.relational_distillation import RelationalDistillation
from pskd_tf.distillation.losses.semantic_regression import SemanticRegression
from pskd_tf.distillation.losses.similarity_preserving_distillation import (
    SimilarityPreservingDistillation,
)
from pskd_tf.distillation.losses.stronger_teacher_distillation import StrongerTeacherDistillation
from pskd_tf.distillation.losses.teacher_assistant_distillation import TeacherAssistantDistillation


def make_loss(name: str, arguments: dict[str, Any]) -> DistillationLoss:
    """Makes a distillation loss.

    Args:
        name: Its key in the table below; in brackets the name in the literature.
        arguments: The loss's own arguments.

    Returns:
        The loss.

    Raises:
        UserError: The name is unknown.
    """
    losses = {
        "adaptive_confidence_semantic": AdaptiveConfidenceSemantic,  # (ACS)
        "knowledge_distillation": KnowledgeDistillation,  # (KD; mean of teachers)
        "cross_entropy": CrossEntropy,
        "guided_knowledge_distillation": GuidedKnowledgeDistillation,  # (guided KD)
        "entropy_based_distillation": EntropyBasedDistillation,  # (EBKD)
        "confidence_aware_distillation": ConfidenceAwareDistillation,  # (CA-MKD)
        "adaptive_ensemble_distillation": AdaptiveEnsembleDistillation,  # (AEKD)
        "teacher_assistant_distillation": TeacherAssistantDistillation,  # (TAKD)
        "densely_guided_distillation": DenselyGuidedDistillation,  # (DGKD)
        "semantic_regression": SemanticRegression,  # (FitNet; VSKD's semantic MSE)
        "relational_distillation": RelationalDistillation,  # (RKD)
        "similarity_preserving_distillation": SimilarityPreservingDistillation,  # (SP)
        "decoupled_distillation": DecoupledDistillation,  # (DKD)
        "stronger_teacher_distillation": StrongerTeacherDistillation,  # (DIST)
    }
    if name not in losses:
        raise UserError(f"A loss is one of {', '.join(losses)}", name)
    return losses[name](**arguments)
