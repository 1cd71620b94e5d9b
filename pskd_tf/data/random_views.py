"""Random training views of paired clips: one time course for both modalities."""

from collections.abc import Collection

import numpy as np

from pskd_tf.data.accelerometer_features import accelerometer_features
from pskd_tf.data.augmentation_settings import AugmentationSettings
from pskd_tf.data.input_settings import InputSettings
from pskd_tf.data.paired_clips import PairedClips
from pskd_tf.data.random_rotations import random_rotations
from pskd_tf.data.read_along import read_along
from pskd_tf.data.skeleton_features import skeleton_features
from pskd_tf.data.time_spans import time_spans


def random_views(
    clips: PairedClips,
    rows: np.ndarray,
    streams: Collection[str],
    generator: np.random.Generator,
    inputs: InputSettings,
    augmentation: AugmentationSettings,
) -> dict[str, np.ndarray]:
    """Draws one random view of each of the given clips.

    Args:
        clips: The clips to draw from.
        rows: `(batch,)` indices of clips.
        streams: `accelerometer`, `skeleton` or both; each stream's draws come from its own child
            generator, so that asking for one more never changes the others.
        generator: Source of the draws.
        inputs: The preprocessing.
        augmentation: Strengths of the changes.

    Returns:
        By stream: `accelerometer` `(batch, steps, 1, channels)` in g, `skeleton`
        `(batch, frames, channels)` in metres; both float32.
    """
    of_time, of_sensor, of_body = generator.spawn(3)
    shares = None
    if inputs.mode == "window":
        seconds = (clips.accelerometer_lengths[rows] - 1) / clips.accelerometer_rate_hz
        shares = (inputs.steps - 1) / inputs.window_rate_hz / seconds
    courses = time_spans(of_time, len(rows), augmentation, shares)
    views = {}
    if "accelerometer" in streams:
        samples = read_along(
            clips.accelerometer[rows], clips.accelerometer_lengths[rows], courses, inputs.steps
        )
        turns = random_rotations(of_sensor, np.full(3, augmentation.rotation_radians), len(rows))
        scale = np.exp(of_sensor.normal(0, 1, (len(rows), 1, 1)) * augmentation.log_scale)
        noise = of_sensor.normal(0, 1, samples.shape) * augmentation.noise_g
        samples = (samples @ turns) * scale.astype(np.float32) + noise.astype(np.float32)
        views["accelerometer"] = accelerometer_features(samples, inputs.gravity_taps)[:, :, None]
    if "skeleton" in streams:
        # A clip without a skeleton reads its zero padding; nobody is asked about it.
        lengths = np.maximum(clips.skeleton_lengths[rows], 2)
        joints = read_along(clips.skeleton[rows], lengths, courses, inputs.skeleton_frames)
        radians = np.full(3, augmentation.skeleton_tilt_radians)
        radians[clips.up_axis] = augmentation.skeleton_yaw_radians
        if clips.skeleton_dimensions == 2:
            radians[:2] = 0.0  # a picture turns only within its plane
        turns = random_rotations(of_body, radians, len(rows))[:, None]
        scale = np.exp(of_body.normal(0, 1, (len(rows), 1, 1, 1)) * augmentation.skeleton_log_scale)
        noise = of_body.normal(0, 1, joints.shape) * augmentation.joint_noise_metres
        moved = (joints @ turns) * scale.astype(np.float32) + noise.astype(np.float32)
        if clips.skeleton_dimensions == 2:
            moved[..., 2] = joints[..., 2]  # the confidence stays
        joints = moved
        views["skeleton"] = skeleton_features(joints, clips.joint_parents, clips.root_joint)
    return views
