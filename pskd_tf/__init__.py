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

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.compression.convert import convert_to_int8 as convert_to_int8
    from pskd_tf.data.batches import training_batches as training_batches
    from pskd_tf.data.clips import PairedClips as PairedClips
    from pskd_tf.data.views import evaluation_views as evaluation_views
    from pskd_tf.distillation.distiller import PSKDDistiller as PSKDDistiller
    from pskd_tf.distillation.losses.acs import (
        AdaptiveConfidenceSemantic as AdaptiveConfidenceSemantic,
        followed_shares as followed_shares,
        teacher_confidence as teacher_confidence,
    )
    from pskd_tf.distillation.losses.assistants import (
        DenselyGuidedDistillation as DenselyGuidedDistillation,
        TeacherAssistantDistillation as TeacherAssistantDistillation,
    )
    from pskd_tf.distillation.losses.base import (
        CrossEntropy as CrossEntropy,
        DistillationLoss as DistillationLoss,
        DistillationTerms as DistillationTerms,
    )
    from pskd_tf.distillation.losses.embeddings import (
        RelationalDistillation as RelationalDistillation,
        SemanticRegression as SemanticRegression,
        SimilarityPreservingDistillation as SimilarityPreservingDistillation,
    )
    from pskd_tf.distillation.losses.inertial import (
        AssistantContrast as AssistantContrast,
        FeatureDistillation as FeatureDistillation,
        MultiScaleSimilarity as MultiScaleSimilarity,
    )
    from pskd_tf.distillation.losses.logits import (
        DecoupledDistillation as DecoupledDistillation,
        KnowledgeDistillation as KnowledgeDistillation,
        StrongerTeacherDistillation as StrongerTeacherDistillation,
    )
    from pskd_tf.distillation.losses.registry import make_loss as make_loss
    from pskd_tf.distillation.losses.teacher_weights import (
        AdaptiveEnsembleDistillation as AdaptiveEnsembleDistillation,
        ConfidenceAwareDistillation as ConfidenceAwareDistillation,
        EntropyBasedDistillation as EntropyBasedDistillation,
        GuidedKnowledgeDistillation as GuidedKnowledgeDistillation,
    )
    from pskd_tf.distillation.losses.two_teachers import (
        TopologicalDistillation as TopologicalDistillation,
        TopologicalGuidance as TopologicalGuidance,
    )
    from pskd_tf.distillation.optimizer import make_optimizer as make_optimizer
    from pskd_tf.evaluation.tflm import tflm_logits as tflm_logits
    from pskd_tf.export.student import export_student as export_student
    from pskd_tf.exported import Export as Export
    from pskd_tf.input_settings import (
        FEATURE_CHANNELS as FEATURE_CHANNELS,
        AugmentationSettings as AugmentationSettings,
        InputSettings as InputSettings,
    )
    from pskd_tf.method import Method as Method, read_methods as read_methods
    from pskd_tf.models.own_students import register_student as register_student
    from pskd_tf.models.registry import mean_of_models as mean_of_models
    from pskd_tf.models.students import accelerometer_student as accelerometer_student
    from pskd_tf.models.teachers import (
        accelerometer_teacher as accelerometer_teacher,
        fusion_teacher as fusion_teacher,
        skeleton_teacher as skeleton_teacher,
    )
    from pskd_tf.processes import start_tensorflow as start_tensorflow
    from pskd_tf.runs.finished_run import (
        FinishedRun as FinishedRun,
        Prediction as Prediction,
        load_run as load_run,
    )
    from pskd_tf.settings import RunSettings as RunSettings
    from pskd_tf.stream_settings import StreamSettings as StreamSettings
    from pskd_tf.training_settings import TrainingSettings as TrainingSettings
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
