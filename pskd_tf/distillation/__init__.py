"""Losses, the distiller, and the stages that train teachers and student."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names
from pskd_tf.processes import check_keras

check_keras()  # before a module here imports Keras

if TYPE_CHECKING:
    from pskd_tf.distillation.distiller import PSKDDistiller as PSKDDistiller
    from pskd_tf.distillation.optimizer import make_optimizer as make_optimizer
    from pskd_tf.distillation.step import (
        distillation_step as distillation_step,
        mix_with_next as mix_with_next,
    )
    from pskd_tf.distillation.training import (
        device_strategy as device_strategy,
        fit_student as fit_student,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
