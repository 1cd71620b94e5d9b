"""What a stage that predicts held-out clips keeps."""

from pathlib import Path

import numpy as np

from data_prep.whole_file import whole_file
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.evaluation.classification_scores import classification_scores


def save_predictions(
    folder: Path, clips: PairedClips, probabilities: np.ndarray
) -> dict[str, float]:
    """Writes `predictions.npz` and scores it.

    Args:
        folder: The stage's folder.
        clips: The held-out clips.
        probabilities: `(clips, classes)`.

    Returns:
        The scores, for `result.json`.
    """
    with whole_file(folder / "predictions.npz") as temporary:
        np.savez(
            temporary,
            clip_ids=np.array(clips.clip_ids),
            labels=clips.labels,
            on_wrist=clips.on_wrist,
            probabilities=probabilities,
        )
    return classification_scores(clips.labels, probabilities.argmax(axis=1), clips.on_wrist)
