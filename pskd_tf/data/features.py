"""The preprocessing of training, evaluation and the board alike.

A clip is resampled (`resample_clip`) or cut into windows (`window_samples`), and its channels are
derived (`sensor_features`, `skeleton_features`). The C core computes the worn sensor's in float32,
bit for bit. Augmented clips are read along random time courses (`read_along`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.input_settings import InputSettings


def accelerometer_features(acceleration: np.ndarray, gravity_taps: int) -> np.ndarray:
    """Derives the ten input channels from accelerometer samples.

    Channels: x, y, z; |a| - 1; gravity (centred moving mean, the first and last sample repeated
    beyond the ends); a - gravity. All arithmetic is float32 and in a fixed order, so that
    `microcontroller/src/accelerometer_features.c` gives the same bits. Source: ours.

    Args:
        acceleration: `(..., steps, 3)`, in g.
        gravity_taps: Length of the moving mean in samples, odd.

    Returns:
        `(..., steps, 10)` float32, in g.
    """
    samples = np.asarray(acceleration, np.float32)
    steps = samples.shape[-2]
    x, y, z = samples[..., 0], samples[..., 1], samples[..., 2]
    magnitude = np.sqrt((x * x + y * y) + z * z) - np.float32(1)
    half = gravity_taps // 2
    padding = [(0, 0)] * (samples.ndim - 2) + [(half, half), (0, 0)]
    padded = np.pad(samples, padding, mode="edge")
    total = padded[..., 0:steps, :].copy()
    for tap in range(1, gravity_taps):
        total += padded[..., tap : tap + steps, :]
    gravity = total / np.float32(gravity_taps)
    return np.concatenate([samples, magnitude[..., None], gravity, samples - gravity], axis=-1)


# Turn rates are read in this unit, so that they are of the size of accelerations in g: the int8
# input has one scale. A power of two: the division is exact, in fixed point a shift.
GYROSCOPE_UNIT = 256.0  # degrees per second


def sensor_features(samples: np.ndarray, gravity_taps: int) -> np.ndarray:
    """Derives the input channels from the samples of a worn sensor with three or six axes.

    Channels of the acceleration: those of `accelerometer_features`. Of a gyroscope: its three turn
    rates and their magnitude, in units of `GYROSCOPE_UNIT`. All arithmetic is float32 and in a
    fixed order, as in C. Source: ours.

    Args:
        samples: `(..., steps, 3)` in g, or `(..., steps, 6)`: then three turn rates in degrees per
            second behind the acceleration.
        gravity_taps: Length of the moving mean in samples, odd.

    Returns:
        `(..., steps, 10)` or `(..., steps, 14)` float32, in g and in 256 degrees per second.
    """
    samples = np.asarray(samples, np.float32)
    features = accelerometer_features(samples[..., :3], gravity_taps)
    if samples.shape[-1] == 3:
        return features
    rates = samples[..., 3:] / np.float32(GYROSCOPE_UNIT)
    x, y, z = rates[..., 0], rates[..., 1], rates[..., 2]
    magnitude = np.sqrt((x * x + y * y) + z * z)
    return np.concatenate([features, rates, magnitude[..., None]], axis=-1)


def skeleton_features(
    joints: np.ndarray, joint_parents: Sequence[int], root_joint: int
) -> np.ndarray:
    """Derives root-centred joints, velocities and bones from joint positions.

    Args:
        joints: `(..., frames, joints, 3)`, in metres.
        joint_parents: Parent of each joint, -1 for the root.
        root_joint: Index of the joint that positions are centred on.

    Returns:
        `(..., frames, 9 * joints)` float32: positions from the root, change to the next frame
        (0 at the last one; it keeps the motion of the whole body), joint minus parent; metres.
        Source: ours.
    """
    joints = np.asarray(joints, np.float32)
    root = joints[..., root_joint : root_joint + 1, :]
    velocity = np.zeros_like(joints)
    velocity[..., :-1, :, :] = np.diff(joints, axis=-3)
    parents = [own if parent < 0 else parent for own, parent in enumerate(joint_parents)]
    bones = joints - joints[..., parents, :]
    channels = np.concatenate([joints - root, velocity, bones], axis=-1)
    return channels.reshape(*channels.shape[:-2], -1)


def resample_clip(signal: np.ndarray, steps: int) -> np.ndarray:
    """Resamples a clip end to end by linear interpolation.

    Position `i` reads `i * (length - 1) / (steps - 1)`: the first sample stays, the last one but
    for a rounding. All arithmetic is float32 and in a fixed order, so that the C core gives the
    same bits.

    Args:
        signal: `(length, channels)`, at least two samples.
        steps: Samples of the result, at least 2.

    Returns:
        `(steps, channels)` float32, in the unit of `signal`.
    """
    signal = np.asarray(signal, np.float32)
    last = np.float32(len(signal) - 1)
    positions = np.arange(steps, dtype=np.float32) * last / np.float32(steps - 1)
    lower = np.minimum(positions.astype(np.int32), len(signal) - 2)
    fraction = (positions - lower.astype(np.float32))[:, None]
    return np.asarray(signal[lower] + fraction * (signal[lower + 1] - signal[lower]))


def window_span(rate_hz: float, inputs: InputSettings) -> int:
    """Returns the samples of a signal from the first to the last one of a window.

    Args:
        rate_hz: Rate of the signal, in Hz.
        inputs: Rate and length of the windows.
    """
    return round((inputs.steps - 1) * rate_hz / inputs.window_rate_hz) + 1


@dataclass(frozen=True)
class WindowSamples:
    """The windows of one clip.

    Attributes:
        samples: `(windows, steps, axes)` float32, in the units of the signal.
        spans: `(windows, 2)` where each window starts and ends in its clip, 0..1.
    """

    samples: np.ndarray
    spans: np.ndarray


def window_samples(signal: np.ndarray, rate_hz: float, inputs: InputSettings) -> WindowSamples:
    """Cuts a clip into windows of fixed rate, length and hop.

    The first window starts with the clip; samples after the last whole window are left out. A clip
    shorter than a window gives one window, in which its last sample is repeated. Source: ours.

    Args:
        signal: `(length, axes)`, at least two samples.
        rate_hz: Rate of the signal, in Hz.
        inputs: Rate, length and hop of the windows.

    Returns:
        At least one window.
    """
    signal = np.asarray(signal, np.float32)
    if rate_hz != inputs.window_rate_hz:
        ratio = rate_hz / inputs.window_rate_hz
        positions = np.arange(int((len(signal) - 1) / ratio) + 1) * ratio
        times = np.arange(len(signal))
        columns = [np.interp(positions, times, column) for column in signal.T]
        signal = np.stack(columns, axis=1).astype(np.float32)
    last = max(len(signal) - 1, 1)
    if len(signal) < inputs.steps:
        held = np.repeat(signal[-1:], inputs.steps - len(signal), axis=0)
        signal = np.concatenate([signal, held])
    starts = np.arange(0, len(signal) - inputs.steps + 1, inputs.window_hop)
    samples = np.stack([signal[start : start + inputs.steps] for start in starts])
    spans = np.stack([starts, starts + inputs.steps - 1], axis=1) / last
    return WindowSamples(samples, np.clip(spans, 0.0, 1.0))


def read_along(
    signals: np.ndarray, lengths: np.ndarray, courses: np.ndarray, steps: int
) -> np.ndarray:
    """Reads each clip at `steps` even points of its time course.

    Args:
        signals: `(batch, samples, ...)` padded clips.
        lengths: `(batch,)` samples of each clip, at least 2.
        courses: `(batch, grid)` positions in 0..1, as `time_spans` gives them.
        steps: Points to read.

    Returns:
        `(batch, steps, ...)` float32.
    """
    batch, grid = courses.shape
    points = np.linspace(0, grid - 1, steps)
    cell = np.minimum(points.astype(int), grid - 2)
    share = points - cell
    position = courses[:, cell] * (1 - share) + courses[:, cell + 1] * share
    position = position * (lengths[:, None] - 1)
    lower = np.minimum(position.astype(int), lengths[:, None] - 2)
    fraction = (position - lower).astype(np.float32)
    fraction = fraction.reshape(batch, steps, *[1] * (signals.ndim - 2))
    rows = np.arange(batch)[:, None]
    first, second = signals[rows, lower], signals[rows, lower + 1]
    return np.asarray(first + fraction * (second - first))
