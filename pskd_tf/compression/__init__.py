"""From a trained Keras 3 student to an int8 flatbuffer: its tf_keras twin, pruning, conversion."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.compression.convert import (
        calibration_clips as calibration_clips,
        convert_to_int8 as convert_to_int8,
    )
    from pskd_tf.compression.cost import (
        BoardCost as BoardCost,
        BoardLimits as BoardLimits,
        SafetyLimits as SafetyLimits,
        count_macs as count_macs,
        planned_bytes as planned_bytes,
    )
    from pskd_tf.compression.prune import (
        kernel_sparsity as kernel_sparsity,
        prune_student as prune_student,
    )
    from pskd_tf.compression.slim import (
        channel_importance as channel_importance,
        choose_channels as choose_channels,
        prunable_layers as prunable_layers,
        slim_builder_arguments as slim_builder_arguments,
        slim_weights as slim_weights,
    )
    from pskd_tf.compression.twin import student_twin as student_twin
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
