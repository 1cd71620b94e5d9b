"""A model's weights as an .npz whose bytes depend on nothing but the weights."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_prep.whole_file import whole_file


def save_weights(path: Path, weights: Sequence[np.ndarray]) -> None:
    """Writes weights in the order of `get_weights()`."""
    with whole_file(path) as temporary:
        np.savez(temporary, **{f"weight_{number:04d}": one for number, one in enumerate(weights)})


def load_weights(path: Path) -> list[np.ndarray]:
    """Reads weights in the order of `get_weights()`."""
    with np.load(path, allow_pickle=False) as arrays:
        return [arrays[name] for name in sorted(arrays.files)]
