"""What models said about the held-out clips of several folds together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class PooledGuesses:
    """Predictions of all folds, one after the other.

    Attributes:
        labels: `(clips,)` true classes.
        guesses: `(clips,)` predicted classes.
    """

    labels: np.ndarray
    guesses: np.ndarray

    @property
    def accuracy(self) -> float:
        """The share of right guesses, 0..1."""
        return float(np.mean(self.labels == self.guesses))

    @staticmethod
    def read(folders: Sequence[Path]) -> "PooledGuesses":
        """Reads the predictions of finished score stages.

        Args:
            folders: Their results' folders, in the order of the folds.

        Returns:
            The predictions, pooled.
        """
        labels, guesses = [], []
        for folder in folders:
            with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
                labels.append(arrays["labels"])
                guesses.append(arrays["probabilities"].argmax(axis=1))
        return PooledGuesses(np.concatenate(labels), np.concatenate(guesses))
