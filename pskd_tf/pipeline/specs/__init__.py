"""The specification of each kind of stage: all that its result depends on.

A specification names the stages whose results it reads by their keys. `version` is raised when the
action of a kind (`fit_stage`, `score_stage`, ...) makes another result from the same specification.
"""

from pskd_tf.pipeline.specs.compression import CompareSpec, CompressSpec, QuantiseSpec, SlimSpec
from pskd_tf.pipeline.specs.scores import FORM_FILES, ScoreSpec, StreamScoreSpec
from pskd_tf.pipeline.specs.stage_spec import StageSpec
from pskd_tf.pipeline.specs.training import (
    DataSpec,
    FitSpec,
    ForestSpec,
    LossSpec,
    TeacherInput,
    TeacherOutputsSpec,
    TrainingPart,
)

__all__ = [
    "FORM_FILES",
    "CompareSpec",
    "CompressSpec",
    "DataSpec",
    "FitSpec",
    "ForestSpec",
    "LossSpec",
    "QuantiseSpec",
    "ScoreSpec",
    "SlimSpec",
    "StageSpec",
    "StreamScoreSpec",
    "TeacherInput",
    "TeacherOutputsSpec",
    "TrainingPart",
]
