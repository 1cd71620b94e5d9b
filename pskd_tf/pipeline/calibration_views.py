"""The views of training clips that activation ranges are read from."""

from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.whole_file import whole_file
from pskd_tf.compression.calibration_clips import calibration_clips
from pskd_tf.data.evaluation_views import evaluation_views
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips


def calibration_views(
    clips: PairedClips,
    inputs: InputSettings,
    count: int,
    seed: int,
    folder: Path,
    *,
    stratified: bool = True,
) -> np.ndarray:
    """Draws calibration clips, lists them in `calibration.csv` and returns their views.

    Args:
        clips: The training clips.
        inputs: The preprocessing.
        count: Clips to draw; all where there are fewer.
        seed: Seed of the draw.
        folder: Where the list goes.
        stratified: Whether classes take turns; else every clip is equally likely.

    Returns:
        `(count, steps, 1, channels)` float32; in window mode the middle window of each clip, where
        the movement is.
    """
    count = min(count, len(clips))
    if stratified:
        rows = calibration_clips(clips.labels, count, seed)
    else:
        rows = np.sort(np.random.default_rng(seed).permutation(len(clips))[:count])
    with whole_file(folder / "calibration.csv") as temporary:
        listed = {"clip_id": clips.clip_ids, "subject": clips.subjects, "action": clips.labels}
        pd.DataFrame(listed).iloc[rows].to_csv(temporary, index=False)
    views = evaluation_views(clips, {"accelerometer"}, inputs)
    middles = [np.flatnonzero(views.rows == row) for row in rows]
    return views.streams["accelerometer"][[windows[len(windows) // 2] for windows in middles]]
