"""What one model said about the held-out clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Predictions:
    """Class probabilities of clips.

    Attributes:
        clip_ids: `(clips,)` names.
        labels: `(clips,)` true class indices.
        on_wrist: `(clips,)` whether the sensor was worn at the wrist.
        probabilities: `(clips, classes)`, rows summing to 1.
    """

    clip_ids: np.ndarray
    labels: np.ndarray
    on_wrist: np.ndarray
    probabilities: np.ndarray

    @property
    def guesses(self) -> np.ndarray:
        """`(clips,)` class indices."""
        return self.probabilities.argmax(axis=1)

    @property
    def right(self) -> np.ndarray:
        """`(clips,)` whether the guess is the label."""
        return self.guesses == self.labels

    @classmethod
    def load(cls, folders: Sequence[Path]) -> "Predictions":
        """Pools the predictions of score stages, one a fold."""
        parts = []
        for folder in folders:
            with np.load(folder / "predictions.npz", allow_pickle=False) as arrays:
                parts.append({name: arrays[name] for name in arrays.files})
        whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        # Under `vote` the rows hold shares of windows and a trace of the mean; sums differ from 1.
        total = whole["probabilities"].sum(axis=1, keepdims=True)
        return cls(
            clip_ids=whole["clip_ids"],
            labels=whole["labels"],
            on_wrist=whole["on_wrist"],
            probabilities=whole["probabilities"] / total,
        )
