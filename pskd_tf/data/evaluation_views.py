"""The unchanged views by which a clip is scored: the clip itself, or its windows."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from pskd_tf.data.accelerometer_features import accelerometer_features
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.plain_views import plain_views
from pskd_tf.data.read_along import read_along
from pskd_tf.data.resample_clip import resample_clip
from pskd_tf.data.skeleton_features import skeleton_features
from pskd_tf.data.window_samples import window_samples


@dataclass(frozen=True)
class EvaluationViews:
    """Views with the clips they belong to.

    Attributes:
        rows: `(views,)` index of each view's clip, ascending; in `clip` mode one view per clip.
        streams: By stream, `(views, ...)` float32, as `plain_views` shapes them.
    """

    rows: np.ndarray
    streams: dict[str, np.ndarray]


def evaluation_views(
    clips: PairedClips, streams: Collection[str], inputs: InputSettings
) -> EvaluationViews:
    """Preprocesses every clip, in `window` mode cut into windows, without any random change.

    No window crosses a clip. Source: ours.

    Args:
        clips: The clips.
        streams: `accelerometer`, `skeleton` or both.
        inputs: The preprocessing.

    Returns:
        The views.
    """
    if inputs.mode == "clip":
        return EvaluationViews(np.arange(len(clips)), plain_views(clips, streams, inputs))
    rows, samples, courses = [], [], []
    for row, length in enumerate(clips.accelerometer_lengths):
        windows = window_samples(
            clips.accelerometer[row, :length], clips.accelerometer_rate_hz, inputs
        )
        rows += [row] * len(windows.samples)
        samples += [resample_clip(window, inputs.steps) for window in windows.samples]
        courses += list(windows.spans)
    views = {}
    if "accelerometer" in streams:
        features = accelerometer_features(np.stack(samples), inputs.gravity_taps)
        views["accelerometer"] = features[:, :, None]
    if "skeleton" in streams:
        lengths = np.maximum(clips.skeleton_lengths[rows], 2)
        joints = read_along(
            clips.skeleton[rows], lengths, np.stack(courses), inputs.skeleton_frames
        )
        views["skeleton"] = skeleton_features(joints, clips.joint_parents, clips.root_joint)
    return EvaluationViews(np.array(rows), views)
