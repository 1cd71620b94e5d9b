"""Keras functional builders; each model returns `logits` and its semantic `embedding`."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names
from pskd_tf.processes import check_keras

check_keras()  # before a module here imports Keras

if TYPE_CHECKING:
    from pskd_tf.models.own_students import register_student as register_student
    from pskd_tf.models.registry import (
        build_model as build_model,
        build_student as build_student,
        mean_of_models as mean_of_models,
        model_outputs as model_outputs,
        select_inputs as select_inputs,
    )
    from pskd_tf.models.students import (
        accelerometer_student as accelerometer_student,
        gmp_student as gmp_student,
        ign_student as ign_student,
    )
    from pskd_tf.models.teachers import (
        accelerometer_teacher as accelerometer_teacher,
        fusion_teacher as fusion_teacher,
        semantic_head as semantic_head,
        skeleton_teacher as skeleton_teacher,
        temporal_encoder as temporal_encoder,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
