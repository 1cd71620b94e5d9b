"""The share of zeros in a model's kernels."""

from typing import Any

import numpy as np


def kernel_sparsity(model: Any) -> dict[str, float]:
    """Measures the share of exact zeros in kernels; biases and BatchNorm do not count.

    Args:
        model: A Keras 3 or tf_keras model without wrappers.

    Returns:
        `conv_and_dense`: share over all Conv2D and Dense kernels together; `depthwise`: over
        DepthwiseConv2D kernels, which are never pruned; both in [0, 1], 0 where there are none.
    """
    zeros = {"conv_and_dense": 0, "depthwise": 0}
    sizes = {"conv_and_dense": 0, "depthwise": 0}
    for layer in model.layers:
        kind = type(layer).__name__
        if kind not in ("Conv2D", "Dense", "DepthwiseConv2D"):
            continue
        group = "depthwise" if kind == "DepthwiseConv2D" else "conv_and_dense"
        # tf_keras calls it depthwise_kernel, Keras 3 kernel; it comes first in both.
        kernel = np.asarray(layer.get_weights()[0])
        zeros[group] += int((kernel == 0).sum())
        sizes[group] += kernel.size
    return {group: zeros[group] / max(sizes[group], 1) for group in zeros}
