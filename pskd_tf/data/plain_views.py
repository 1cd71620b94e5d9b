"""The one unchanged view of each clip, as evaluation and the device see it."""

from collections.abc import Collection

import numpy as np

from pskd_tf.data.accelerometer_features import accelerometer_features
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.resample_clip import resample_clip
from pskd_tf.data.skeleton_features import skeleton_features


def plain_views(
    clips: PairedClips, streams: Collection[str], inputs: InputSettings
) -> dict[str, np.ndarray]:
    """Preprocesses every clip without any random change.

    Args:
        clips: The clips.
        streams: `accelerometer`, `skeleton` or both.
        inputs: The preprocessing.

    Returns:
        By stream: `accelerometer` `(clips, steps, 1, channels)` in g, `skeleton`
        `(clips, frames, channels)` in metres; both float32.
    """
    views = {}
    if "accelerometer" in streams:
        samples = np.stack(
            [
                resample_clip(clip[:length], inputs.steps)
                for clip, length in zip(
                    clips.accelerometer, clips.accelerometer_lengths, strict=True
                )
            ]
        )
        views["accelerometer"] = accelerometer_features(samples, inputs.gravity_taps)[:, :, None]
    if "skeleton" in streams:
        # A clip without a skeleton reads its zero padding; nobody is asked about it.
        lengths = np.maximum(clips.skeleton_lengths, 2)
        joints = np.stack(
            [
                resample_clip(clip[:length].reshape(length, -1), inputs.skeleton_frames)
                for clip, length in zip(clips.skeleton, lengths, strict=True)
            ]
        ).reshape(len(clips), inputs.skeleton_frames, -1, 3)
        views["skeleton"] = skeleton_features(joints, clips.joint_parents, clips.root_joint)
    return views
