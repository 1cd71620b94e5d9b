"""The order in which `pskd_plain_dense` reads its weights."""

import numpy as np


def pack_dense_weights(weights: np.ndarray) -> np.ndarray:
    """Interleaves pairs of output channels, four weights at a time.

    One pointer then feeds both channels of a pair, a word each.

    Args:
        weights: `(channels, inputs)` int8.

    Returns:
        `(pairs * depth * 2,)` int8 in the order `(pairs, depth / 4, 2, 4)`, zeros added to a
        multiple of eight inputs and two channels.
    """
    channels, inputs = weights.shape
    padded = np.pad(weights, [(0, channels % 2), (0, -inputs % 8)])
    blocks = padded.reshape(len(padded) // 2, 2, -1, 4)
    return blocks.transpose(0, 2, 1, 3).ravel()
