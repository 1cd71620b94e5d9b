"""Views of a clip, which models read: plain for evaluation, randomly changed for training.

`random_views` draws one view of each clip: a time course (`time_spans`), a rotation, a scale and
noise for each stream. `plain_views` and `evaluation_views` change nothing.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from pskd_tf.data.clips import PairedClips
from pskd_tf.data.features import (
    read_along,
    resample_clip,
    sensor_features,
    skeleton_features,
    window_samples,
)
from pskd_tf.input_settings import AugmentationSettings, InputSettings


def draw_generator(seed: int, stage: str, *position: int) -> np.random.Generator:
    """Returns the generator of one place in a run.

    Args:
        seed: The run's seed, not negative.
        stage: Name of the stage that draws.
        *position: Epoch, step and the like, not negative.

    Returns:
        A generator that depends on nothing but the arguments.
    """
    stage_number = int.from_bytes(hashlib.sha256(stage.encode()).digest()[:8], "little")
    return np.random.default_rng(np.random.SeedSequence([seed, stage_number, *position]))


def random_rotations(generator: np.random.Generator, radians: np.ndarray, count: int) -> np.ndarray:
    """Draws rotation matrices as a product of rotations about x, y and z.

    Args:
        generator: Source of the draws.
        radians: `(3,)` standard deviation of the angle about each axis.
        count: Number of matrices.

    Returns:
        `(count, 3, 3)` float32 matrices R; a row vector v turns as `v @ R`.
    """
    angles = generator.normal(0.0, 1.0, (count, 3)) * radians
    total = np.tile(np.eye(3), (count, 1, 1))
    for axis in range(3):
        cosine, sine = np.cos(angles[:, axis]), np.sin(angles[:, axis])
        first, second = (axis + 1) % 3, (axis + 2) % 3
        turn = np.tile(np.eye(3), (count, 1, 1))
        turn[:, first, first] = turn[:, second, second] = cosine
        turn[:, first, second], turn[:, second, first] = sine, -sine
        total = total @ turn
    return total.astype(np.float32)


_GRID = 33
_KNOTS = 5


def time_spans(
    generator: np.random.Generator,
    count: int,
    settings: AugmentationSettings,
    shares: np.ndarray | None = None,
) -> np.ndarray:
    """Draws smooth monotone time courses through clips.

    Both modalities of a sample read along the same course, so that paired streams never drift
    apart. Source: ours.

    Args:
        generator: Source of the draws.
        count: Number of courses.
        settings: Strengths; `time_warp` and `shift` are read.
        shares: `(count,)` share of its clip that each view covers, placed at random within it
            where it is below 1; None for whole clips.

    Returns:
        `(count, grid)` float64 positions from 0 (first sample) to 1 (last sample) on an even grid
        of the view's own time. Positions are held at the clip's ends.
    """
    speed = generator.normal(0.0, 1.0, (count, _KNOTS)) * settings.time_warp
    knots = np.linspace(0, 1, _KNOTS)
    middles = (np.arange(_GRID - 1) + 0.5) / (_GRID - 1)
    lower = np.minimum((middles * (_KNOTS - 1)).astype(int), _KNOTS - 2)
    fraction = (middles - knots[lower]) * (_KNOTS - 1)
    # A raised cosine between knots keeps the speed smooth.
    fraction = 0.5 - 0.5 * np.cos(np.pi * fraction)
    log_speed = speed[:, lower] * (1 - fraction) + speed[:, lower + 1] * fraction
    course = np.concatenate([np.zeros((count, 1)), np.cumsum(np.exp(log_speed), axis=1)], axis=1)
    course /= course[:, -1:]
    start = generator.uniform(-settings.shift, settings.shift, (count, 1))
    end = 1 + generator.uniform(-settings.shift, settings.shift, (count, 1))
    course = start + course * (end - start)
    if shares is not None:
        share = shares[:, None]
        room = np.maximum(1.0 - share, 0.0)
        course = generator.uniform(0.0, 1.0, (count, 1)) * room + course * share
    return np.clip(course, 0.0, 1.0)


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
        streams: `accelerometer`, `skeleton` or both; each stream draws from its own child
            generator, so that a further stream does not change the others.
        generator: Source of the draws.
        inputs: The preprocessing.
        augmentation: Strengths of the changes.

    Returns:
        By stream: `accelerometer` `(batch, steps, 1, channels)` as `sensor_features` derives them,
        `skeleton` `(batch, frames, channels)` in metres; both float32.
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
            clips.sensor_samples(inputs, rows),
            clips.accelerometer_lengths[rows],
            courses,
            inputs.steps,
        )
        samples = _changed_samples(samples, of_sensor, augmentation)
        views["accelerometer"] = sensor_features(samples, inputs.gravity_taps)[:, :, None]
    if "skeleton" in streams:
        # A clip without a skeleton gives zeros; its skeleton teachers are not available.
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


def _changed_samples(
    samples: np.ndarray, generator: np.random.Generator, augmentation: AugmentationSettings
) -> np.ndarray:
    """Turns, scales and disturbs `(batch, steps, axes)` samples of a worn sensor."""
    count, shape = len(samples), (*samples.shape[:-1], 3)
    turns = random_rotations(generator, np.full(3, augmentation.rotation_radians), count)
    scale = np.exp(generator.normal(0, 1, (count, 1, 1)) * augmentation.log_scale)
    noise = generator.normal(0, 1, shape) * augmentation.noise_g
    changed = (samples[..., :3] @ turns) * scale.astype(np.float32) + noise.astype(np.float32)
    if samples.shape[-1] == 3:
        return np.asarray(changed)
    # Drawn last, so that the acceleration's draws are those of a sensor with three axes. The sensor
    # is one: its gyroscope turns by the same matrix.
    noise = generator.normal(0, 1, shape) * augmentation.gyroscope_noise
    scale = np.exp(generator.normal(0, 1, (count, 1, 1)) * augmentation.gyroscope_log_scale)
    rates = (samples[..., 3:] @ turns) * scale.astype(np.float32) + noise.astype(np.float32)
    return np.concatenate([changed, rates], axis=-1)


def plain_views(
    clips: PairedClips, streams: Collection[str], inputs: InputSettings
) -> dict[str, np.ndarray]:
    """Preprocesses every clip without any random change.

    Args:
        clips: The clips.
        streams: `accelerometer`, `skeleton` or both.
        inputs: The preprocessing.

    Returns:
        By stream: `accelerometer` `(clips, steps, 1, channels)` as `sensor_features` derives them,
        `skeleton` `(clips, frames, channels)` in metres; both float32.
    """
    views = {}
    if "accelerometer" in streams:
        signals = clips.sensor_signals(inputs)
        samples = np.stack([resample_clip(signal, inputs.steps) for signal in signals])
        views["accelerometer"] = sensor_features(samples, inputs.gravity_taps)[:, :, None]
    if "skeleton" in streams:
        # A clip without a skeleton gives zeros; its skeleton teachers are not available.
        lengths = np.maximum(clips.skeleton_lengths, 2)
        joints = np.stack(
            [
                resample_clip(clip[:length].reshape(length, -1), inputs.skeleton_frames)
                for clip, length in zip(clips.skeleton, lengths, strict=True)
            ]
        ).reshape(len(clips), inputs.skeleton_frames, -1, 3)
        views["skeleton"] = skeleton_features(joints, clips.joint_parents, clips.root_joint)
    return views


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
    for row, signal in enumerate(clips.sensor_signals(inputs)):
        windows = window_samples(signal, clips.accelerometer_rate_hz, inputs)
        rows += [row] * len(windows.samples)
        samples += [resample_clip(window, inputs.steps) for window in windows.samples]
        courses += list(windows.spans)
    views = {}
    if "accelerometer" in streams:
        features = sensor_features(np.stack(samples), inputs.gravity_taps)
        views["accelerometer"] = features[:, :, None]
    if "skeleton" in streams:
        lengths = np.maximum(clips.skeleton_lengths[rows], 2)
        joints = read_along(
            clips.skeleton[rows], lengths, np.stack(courses), inputs.skeleton_frames
        )
        views["skeleton"] = skeleton_features(joints, clips.joint_parents, clips.root_joint)
    return EvaluationViews(np.array(rows), views)
