"""Distillation losses by name."""

from typing import Any

from data_prep.errors import UserError
from pskd_tf.distillation.losses.acs import AdaptiveConfidenceSemantic
from pskd_tf.distillation.losses.assistants import (
    DenselyGuidedDistillation,
    TeacherAssistantDistillation,
)
from pskd_tf.distillation.losses.base import CrossEntropy, DistillationLoss
from pskd_tf.distillation.losses.contrastive import Contrastive, QueueSimilarity
from pskd_tf.distillation.losses.embeddings import (
    RelationalDistillation,
    SemanticRegression,
    SimilarityPreservingDistillation,
)
from pskd_tf.distillation.losses.inertial import (
    AssistantContrast,
    FeatureDistillation,
    MultiScaleSimilarity,
)
from pskd_tf.distillation.losses.logits import (
    DecoupledDistillation,
    KnowledgeDistillation,
    StrongerTeacherDistillation,
)
from pskd_tf.distillation.losses.pseudo_labels import FixMatch, PseudoLabels
from pskd_tf.distillation.losses.teacher_weights import (
    AdaptiveEnsembleDistillation,
    ConfidenceAwareDistillation,
    EntropyBasedDistillation,
    GuidedKnowledgeDistillation,
)
from pskd_tf.distillation.losses.two_teachers import (
    TopologicalDistillation,
    TopologicalGuidance,
)


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
    losses: dict[str, type[DistillationLoss]] = {
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
        "stronger_teacher_distillation": StrongerTeacherDistillation,  # (DIST; RRKD)
        "feature_distillation": FeatureDistillation,  # (FeatureKD, LightHART)
        "multi_scale_similarity": MultiScaleSimilarity,  # (MSKD)
        "assistant_contrast": AssistantContrast,  # (TAS chain)
        "topological_distillation": TopologicalDistillation,  # (TDA_KD)
        "topological_guidance": TopologicalGuidance,  # (TGD)
        "pseudo_labels": PseudoLabels,  # (self-training)
        "fixmatch": FixMatch,
        "contrastive": Contrastive,  # (InfoNCE; IMU2CLIP), pre-training
        "queue_similarity": QueueSimilarity,  # (COMODO), pre-training
    }
    if name not in losses:
        raise UserError(f"A loss is one of {', '.join(losses)}", name)
    return losses[name](**arguments)
