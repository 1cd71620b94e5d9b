"""Distillation losses: pure functions of tensors, each with a thin Keras loss around it."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.distillation.losses.acs import (
        AdaptiveConfidenceSemantic as AdaptiveConfidenceSemantic,
        followed_shares as followed_shares,
        teacher_confidence as teacher_confidence,
    )
    from pskd_tf.distillation.losses.assistants import (
        DenselyGuidedDistillation as DenselyGuidedDistillation,
        TeacherAssistantDistillation as TeacherAssistantDistillation,
        densely_guided_divergence as densely_guided_divergence,
    )
    from pskd_tf.distillation.losses.base import (
        CrossEntropy as CrossEntropy,
        DistillationLoss as DistillationLoss,
        DistillationTerms as DistillationTerms,
        cross_entropy as cross_entropy,
        semantic_distance as semantic_distance,
        semantic_distances as semantic_distances,
    )
    from pskd_tf.distillation.losses.class_weights import (
        ClassWeighted as ClassWeighted,
        balanced_class_weights as balanced_class_weights,
    )
    from pskd_tf.distillation.losses.contrastive import (
        Contrastive as Contrastive,
        QueueSimilarity as QueueSimilarity,
        info_nce as info_nce,
        queue_similarity as queue_similarity,
    )
    from pskd_tf.distillation.losses.embeddings import (
        RelationalDistillation as RelationalDistillation,
        SemanticRegression as SemanticRegression,
        SimilarityPreservingDistillation as SimilarityPreservingDistillation,
        relational_distillation as relational_distillation,
        similarity_preserving as similarity_preserving,
    )
    from pskd_tf.distillation.losses.inertial import (
        AssistantContrast as AssistantContrast,
        FeatureDistillation as FeatureDistillation,
        MultiScaleSimilarity as MultiScaleSimilarity,
        focal_loss as focal_loss,
    )
    from pskd_tf.distillation.losses.logits import (
        DecoupledDistillation as DecoupledDistillation,
        KnowledgeDistillation as KnowledgeDistillation,
        StrongerTeacherDistillation as StrongerTeacherDistillation,
        decoupled_distillation as decoupled_distillation,
        knowledge_distillation as knowledge_distillation,
        stronger_teacher_distillation as stronger_teacher_distillation,
    )
    from pskd_tf.distillation.losses.pseudo_labels import (
        FixMatch as FixMatch,
        PseudoLabels as PseudoLabels,
    )
    from pskd_tf.distillation.losses.registry import make_loss as make_loss
    from pskd_tf.distillation.losses.teacher_weights import (
        AdaptiveEnsembleDistillation as AdaptiveEnsembleDistillation,
        ConfidenceAwareDistillation as ConfidenceAwareDistillation,
        EntropyBasedDistillation as EntropyBasedDistillation,
        GuidedKnowledgeDistillation as GuidedKnowledgeDistillation,
        adaptive_ensemble_weights as adaptive_ensemble_weights,
        confidence_weights as confidence_weights,
        entropy_weights as entropy_weights,
        minimum_norm_weights as minimum_norm_weights,
    )
    from pskd_tf.distillation.losses.two_teachers import (
        TopologicalDistillation as TopologicalDistillation,
        TopologicalGuidance as TopologicalGuidance,
        first_teacher_shares as first_teacher_shares,
        guiding_map_distance as guiding_map_distance,
        over_own_deviation as over_own_deviation,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
