"""Embeddings of one model in the plane."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class EmbeddingMap:
    """A map of one model.

    Attributes:
        name: The model, as `ScoredModel.name` has it.
        places: `(clips, 2)`.
        labels: `(clips,)` class indices.
    """

    name: str
    places: np.ndarray
    labels: np.ndarray
