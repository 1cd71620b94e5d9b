"""How good a model is, and what the same model gives on TensorFlow Lite Micro."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.evaluation.layers import (
        LayerRow as LayerRow,
        layer_noise as layer_noise,
        layer_table as layer_table,
    )
    from pskd_tf.evaluation.scores import (
        classification_scores as classification_scores,
        clip_probabilities as clip_probabilities,
        score_clips as score_clips,
    )
    from pskd_tf.evaluation.stream import (
        Decisions as Decisions,
        Movement as Movement,
        decide as decide,
        idle_streams as idle_streams,
        lowest_threshold as lowest_threshold,
        movement_stream as movement_stream,
        upper_bound_an_hour as upper_bound_an_hour,
    )
    from pskd_tf.evaluation.tflm import (
        Int8Interface as Int8Interface,
        arena_bytes as arena_bytes,
        clip_input as clip_input,
        quantise_input as quantise_input,
        tflm_logits as tflm_logits,
        tflm_operators as tflm_operators,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
