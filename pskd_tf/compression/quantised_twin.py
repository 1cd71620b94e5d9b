"""The twin with TFMOT's fake quantisation, for quantisation-aware training."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow_model_optimization as tfmot
import tf_keras

from pskd_tf.models.build_student import build_student


def quantised_twin(
    weights: Sequence[np.ndarray] | None,
    builder_arguments: dict[str, Any],
    *,
    preserve_sparsity: bool = False,
) -> tf_keras.Model:
    """Wraps a student's twin for quantisation-aware training, with TFMOT's cold ranges of +-6.

    Args:
        weights: `get_weights()` of the Keras 3 student; None for fresh ones.
        builder_arguments: Keyword arguments of `build_student`.
        preserve_sparsity: Whether kernel weights that are 0 now stay 0 (Conv2D and Dense).

    Returns:
        The wrapped model with the outputs `logits` and `embedding`; layers are called `quant_...`.
    """
    twin = build_student(tf_keras, **builder_arguments)
    if weights is not None:
        twin.set_weights(list(weights))
    if not preserve_sparsity:
        return tfmot.quantization.keras.quantize_model(twin)
    return tfmot.quantization.keras.quantize_apply(
        tfmot.quantization.keras.quantize_annotate_model(twin),
        tfmot.experimental.combine.Default8BitPrunePreserveQuantizeScheme(),
    )
