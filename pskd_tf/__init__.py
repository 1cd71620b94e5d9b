"""Progressive skeleton-to-accelerometer knowledge distillation, from raw clips to a C array.

The Python API: `from pskd_tf import PSKDDistiller, AdaptiveConfidenceSemantic, skeleton_teacher`.
A name is imported when it is asked for, so that `import pskd_tf` is light and a command can start
TensorFlow its own way.

Example:
    import keras
    from pskd_tf import AdaptiveConfidenceSemantic, PSKDDistiller

    distiller = PSKDDistiller(student, {"body": teacher}, AdaptiveConfidenceSemantic())
    distiller.compile(optimizer=keras.optimizers.AdamW(1e-3))
    distiller.fit(batches, epochs=10)  # batches of ({stream: ...}, labels)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# What each public name is imported from; the repetition below is what type checkers read.
_HOMES = {
    "AdaptiveConfidenceSemantic": "distillation.losses.adaptive_confidence_semantic",
    "AdaptiveEnsembleDistillation": "distillation.losses.adaptive_ensemble_distillation",
    "AugmentationSettings": "data.augmentation_settings",
    "ConfidenceAwareDistillation": "distillation.losses.confidence_aware_distillation",
    "CrossEntropy": "distillation.losses.cross_entropy",
    "DecoupledDistillation": "distillation.losses.decoupled_distillation",
    "DenselyGuidedDistillation": "distillation.losses.densely_guided_distillation",
    "DistillationLoss": "distillation.losses.distillation_loss",
    "DistillationTerms": "distillation.losses.distillation_loss",
    "EntropyBasedDistillation": "distillation.losses.entropy_based_distillation",
    "GuidedKnowledgeDistillation": "distillation.losses.guided_knowledge_distillation",
    "InputSettings": "data.input_settings",
    "KnowledgeDistillation": "distillation.losses.knowledge_distillation",
    "PSKDDistiller": "distillation.pskd_distiller",
    "PairedClips": "data.paired_clips",
    "RelationalDistillation": "distillation.losses.relational_distillation",
    "SemanticRegression": "distillation.losses.semantic_regression",
    "SimilarityPreservingDistillation": "distillation.losses.similarity_preserving_distillation",
    "StrongerTeacherDistillation": "distillation.losses.stronger_teacher_distillation",
    "TeacherAssistantDistillation": "distillation.losses.teacher_assistant_distillation",
    "TrainingSettings": "distillation.training_settings",
    "accelerometer_student": "models.accelerometer_student",
    "accelerometer_teacher": "models.accelerometer_teacher",
    "convert_to_int8": "compression.convert_to_int8",
    "evaluation_views": "data.evaluation_views",
    "export_student": "export.export_student",
    "fusion_teacher": "models.fusion_teacher",
    "make_loss": "distillation.losses.make_loss",
    "make_optimizer": "distillation.make_optimizer",
    "mean_of_models": "models.mean_of_models",
    "skeleton_teacher": "models.skeleton_teacher",
    "tflm_logits": "evaluation.tflm_logits",
    "training_batches": "data.training_batches",
}

if TYPE_CHECKING:
    from pskd_tf.compression.convert_to_int8 import convert_to_int8 as convert_to_int8
    from pskd_tf.data.augmentation_settings import AugmentationSettings as AugmentationSettings
    from pskd_tf.data.evaluation_views import evaluation_views as evaluation_views
    from pskd_tf.data.input_settings import InputSettings as InputSettings
    from pskd_tf.data.paired_clips import PairedClips as PairedClips
    from pskd_tf.data.training_batches import training_batches as training_batches
    from pskd_tf.distillation.losses.adaptive_confidence_semantic import (
        AdaptiveConfidenceSemantic as AdaptiveConfidenceSemantic,
    )
    from pskd_tf.distillation.losses.adaptive_ensemble_distillation import (
        AdaptiveEnsembleDistillation as AdaptiveEnsembleDistillation,
    )
    from pskd_tf.distillation.losses.confidence_aware_distillation import (
        ConfidenceAwareDistillation as ConfidenceAwareDistillation,
    )
    from pskd_tf.distillation.losses.cross_entropy import CrossEntropy as CrossEntropy
    from pskd_tf.distillation.losses.decoupled_distillation import (
        DecoupledDistillation as DecoupledDistillation,
    )
    from pskd_tf.distillation.losses.densely_guided_distillation import (
        DenselyGuidedDistillation as DenselyGuidedDistillation,
    )
    from pskd_tf.distillation.losses.distillation_loss import (
        DistillationLoss as DistillationLoss,
    )
    from pskd_tf.distillation.losses.distillation_loss import (
        DistillationTerms as DistillationTerms,
    )
    from pskd_tf.distillation.losses.entropy_based_distillation import (
        EntropyBasedDistillation as EntropyBasedDistillation,
    )
    from pskd_tf.distillation.losses.guided_knowledge_distillation import (
        GuidedKnowledgeDistillation as GuidedKnowledgeDistillation,
    )
    from pskd_tf.distillation.losses.knowledge_distillation import (
        KnowledgeDistillation as KnowledgeDistillation,
    )
    from pskd_tf.distillation.losses.make_loss import make_loss as make_loss
    from pskd_tf.distillation.losses.relational_distillation import (
        RelationalDistillation as RelationalDistillation,
    )
    from pskd_tf.distillation.losses.semantic_regression import (
        SemanticRegression as SemanticRegression,
    )
    from pskd_tf.distillation.losses.similarity_preserving_distillation import (
        SimilarityPreservingDistillation as SimilarityPreservingDistillation,
    )
    from pskd_tf.distillation.losses.stronger_teacher_distillation import (
        StrongerTeacherDistillation as StrongerTeacherDistillation,
    )
    from pskd_tf.distillation.losses.teacher_assistant_distillation import (
        TeacherAssistantDistillation as TeacherAssistantDistillation,
    )
    from pskd_tf.distillation.make_optimizer import make_optimizer as make_optimizer
    from pskd_tf.distillation.pskd_distiller import PSKDDistiller as PSKDDistiller
    from pskd_tf.distillation.training_settings import TrainingSettings as TrainingSettings
    from pskd_tf.evaluation.tflm_logits import tflm_logits as tflm_logits
    from pskd_tf.export.export_student import export_student as export_student
    from pskd_tf.models.accelerometer_student import accelerometer_student as accelerometer_student
    from pskd_tf.models.accelerometer_teacher import accelerometer_teacher as accelerometer_teacher
    from pskd_tf.models.fusion_teacher import fusion_teacher as fusion_teacher
    from pskd_tf.models.mean_of_models import mean_of_models as mean_of_models
    from pskd_tf.models.skeleton_teacher import skeleton_teacher as skeleton_teacher

__all__ = [*_HOMES]


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value  # asked for once
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
