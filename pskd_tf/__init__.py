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
    "AdaptiveConfidenceSemantic": "distillation.losses.acs",
    "AdaptiveEnsembleDistillation": "distillation.losses.features",
    "AugmentationSettings": "settings",
    "ConfidenceAwareDistillation": "distillation.losses.features",
    "CrossEntropy": "distillation.losses.base",
    "DecoupledDistillation": "distillation.losses.logits",
    "DenselyGuidedDistillation": "distillation.losses.logits",
    "DistillationLoss": "distillation.losses.base",
    "DistillationTerms": "distillation.losses.base",
    "EntropyBasedDistillation": "distillation.losses.logits",
    "GuidedKnowledgeDistillation": "distillation.losses.logits",
    "InputSettings": "settings",
    "KnowledgeDistillation": "distillation.losses.logits",
    "PSKDDistiller": "distillation.distiller",
    "PairedClips": "data.clips",
    "RelationalDistillation": "distillation.losses.features",
    "SemanticRegression": "distillation.losses.features",
    "SimilarityPreservingDistillation": "distillation.losses.features",
    "StrongerTeacherDistillation": "distillation.losses.logits",
    "TeacherAssistantDistillation": "distillation.losses.logits",
    "TrainingSettings": "settings",
    "accelerometer_student": "models.students",
    "accelerometer_teacher": "models.teachers",
    "convert_to_int8": "compression.convert",
    "evaluation_views": "data.views",
    "export_student": "export.student",
    "fusion_teacher": "models.teachers",
    "make_loss": "distillation.losses.registry",
    "make_optimizer": "distillation.training",
    "mean_of_models": "models.registry",
    "skeleton_teacher": "models.teachers",
    "tflm_logits": "evaluation.tflm",
    "training_batches": "data.batches",
}

if TYPE_CHECKING:
    from pskd_tf.compression.convert import convert_to_int8 as convert_to_int8
    from pskd_tf.data.batches import training_batches as training_batches
    from pskd_tf.data.clips import PairedClips as PairedClips
    from pskd_tf.data.views import evaluation_views as evaluation_views
    from pskd_tf.distillation.distiller import PSKDDistiller as PSKDDistiller
    from pskd_tf.distillation.losses.acs import (
        AdaptiveConfidenceSemantic as AdaptiveConfidenceSemantic,
    )
    from pskd_tf.distillation.losses.base import CrossEntropy as CrossEntropy
    from pskd_tf.distillation.losses.base import DistillationLoss as DistillationLoss
    from pskd_tf.distillation.losses.base import DistillationTerms as DistillationTerms
    from pskd_tf.distillation.losses.features import (
        AdaptiveEnsembleDistillation as AdaptiveEnsembleDistillation,
    )
    from pskd_tf.distillation.losses.features import (
        ConfidenceAwareDistillation as ConfidenceAwareDistillation,
    )
    from pskd_tf.distillation.losses.features import (
        RelationalDistillation as RelationalDistillation,
    )
    from pskd_tf.distillation.losses.features import SemanticRegression as SemanticRegression
    from pskd_tf.distillation.losses.features import (
        SimilarityPreservingDistillation as SimilarityPreservingDistillation,
    )
    from pskd_tf.distillation.losses.logits import DecoupledDistillation as DecoupledDistillation
    from pskd_tf.distillation.losses.logits import (
        DenselyGuidedDistillation as DenselyGuidedDistillation,
    )
    from pskd_tf.distillation.losses.logits import (
        EntropyBasedDistillation as EntropyBasedDistillation,
    )
    from pskd_tf.distillation.losses.logits import (
        GuidedKnowledgeDistillation as GuidedKnowledgeDistillation,
    )
    from pskd_tf.distillation.losses.logits import KnowledgeDistillation as KnowledgeDistillation
    from pskd_tf.distillation.losses.logits import (
        StrongerTeacherDistillation as StrongerTeacherDistillation,
    )
    from pskd_tf.distillation.losses.logits import (
        TeacherAssistantDistillation as TeacherAssistantDistillation,
    )
    from pskd_tf.distillation.losses.registry import make_loss as make_loss
    from pskd_tf.distillation.training import make_optimizer as make_optimizer
    from pskd_tf.evaluation.tflm import tflm_logits as tflm_logits
    from pskd_tf.export.student import export_student as export_student
    from pskd_tf.models.registry import mean_of_models as mean_of_models
    from pskd_tf.models.students import accelerometer_student as accelerometer_student
    from pskd_tf.models.teachers import accelerometer_teacher as accelerometer_teacher
    from pskd_tf.models.teachers import fusion_teacher as fusion_teacher
    from pskd_tf.models.teachers import skeleton_teacher as skeleton_teacher
    from pskd_tf.settings import AugmentationSettings as AugmentationSettings
    from pskd_tf.settings import InputSettings as InputSettings
    from pskd_tf.settings import TrainingSettings as TrainingSettings

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
