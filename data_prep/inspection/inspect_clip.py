"""Checking one clip of a user's own recordings."""

import re

import numpy as np

from data_prep.check_clip import check_clip
from data_prep.clip import Clip
from data_prep.inspection.best_lag import best_lag, movement_correlations
from data_prep.inspection.gravity_at_rest import gravity_at_rest
from data_prep.inspection.inspection import InspectedClip, Problem
from data_prep.loaders.custom.clip import CustomClip
from data_prep.loaders.custom.recording import CustomRecording
from data_prep.skeletons.skeleton_layout import SkeletonLayout
from data_prep.user_error import UserError

_SHORTEST_SECONDS = 0.5
_LONGEST_SECONDS = 20.0
_GRAVITY_TOLERANCE = 0.1
_RATE_TOLERANCE = 0.05
_FROZEN_SECONDS = 1.0
_SHORTEST_CORRELATED_SECONDS = 1.0
_G_PER_UNIT = {"g": 1.0, "m/s^2": 1.0 / 9.80665, "mg": 1e-3}
# Chosen on UTD-MHAD: 1 % of its clips are named as they are, 32 % with an offset of 0.5 s and 57 %
# with one of 1 s. Groups of clips tell more, see `inspect_recordings`.
_CORRELATION, _GAIN = 0.1, 0.4


def inspect_clip(
    clip: CustomClip, recording: CustomRecording, rate_hz: float, layout: SkeletonLayout | None
) -> tuple[InspectedClip, list[Problem]]:
    """Measures one clip and judges it.

    Args:
        clip: What the manifest says.
        recording: What was read.
        rate_hz: Of the accelerometer that was read.
        layout: The skeleton's joints.

    Returns:
        The measures and the problems.
    """
    measured = InspectedClip(
        clip_id=clip.clip_id,
        subject=clip.subject,
        action=clip.action,
        seconds=recording.seconds,
        stated_rate_hz=clip.accelerometer_rate_hz,
        stamp_rate_hz=recording.stamp_rate_hz,
        gravity=gravity_at_rest(recording.accelerometer, rate_hz),
        correlations=_correlations(clip, recording, layout),
        has_skeleton=recording.skeleton is not None,
        flags=recording.flags,
    )
    found = [
        ("error", _broken_rule(clip, recording, layout)),
        ("unit", _unit(clip, measured)),
        ("rate", _rate(clip, measured)),
        ("length", _length(clip, recording)),
        ("frozen", _frozen(recording, rate_hz)),
        ("alignment", _alignment(clip, measured)),
        ("skeleton", "" if measured.has_skeleton else "no skeleton, so no teacher sees it"),
    ]
    return measured, [Problem(kind, clip.clip_id, text) for kind, text in found if text]


def _correlations(
    clip: CustomClip, recording: CustomRecording, layout: SkeletonLayout | None
) -> np.ndarray | None:
    if recording.skeleton is None or layout is None:
        return None
    if recording.seconds < _SHORTEST_CORRELATED_SECONDS:
        return None
    positions = recording.skeleton[:, :, : layout.dimensions]
    joint = sensor_joint(clip.sensor_place, layout, positions)
    return movement_correlations(recording.accelerometer, positions[:, joint], recording.seconds)


def sensor_joint(place: str, layout: SkeletonLayout, positions: np.ndarray) -> int:
    """Returns the joint that the sensor was worn at, or the one that moves most.

    Args:
        place: Such as "right_wrist".
        layout: The joints; "RightWrist" and "wrist_right" would do.
        positions: (frames, joints, 2 or 3).
    """
    # No joint lies on the thigh; the knee moves with it.
    words = re.split(r"[\s_-]+", place.lower().replace("thigh", "knee"))
    for index, name in enumerate(layout.joint_names):
        if all(word in name.lower() for word in words):
            return index
    steps = np.linalg.norm(np.diff(positions.astype(np.float64), axis=0), axis=2)
    return int(steps.sum(axis=0).argmax())


def _broken_rule(
    clip: CustomClip, recording: CustomRecording, layout: SkeletonLayout | None
) -> str:
    made = Clip(
        clip.clip_id,
        clip.subject,
        0,
        clip.trial,
        clip.sensor_place,
        recording.accelerometer,
        skeleton=recording.skeleton,
        sources=recording.sources,
    )
    try:
        check_clip(made, layout.dimensions if layout else 3)
    except UserError as error:
        return str(error)
    return ""


def _unit(clip: CustomClip, measured: InspectedClip) -> str:
    if measured.gravity is None or abs(measured.gravity - 1) <= _GRAVITY_TOLERANCE:
        return ""
    text = f"at rest the accelerometer measures {measured.gravity:.3g} g, not 1"
    if clip.accelerometer_unit == "lsb":
        scale = clip.accelerometer_scale / measured.gravity
        return f"{text}; an accelerometer_scale of {scale:.3g} g per LSB would fit"
    raw = measured.gravity / _G_PER_UNIT[clip.accelerometer_unit]
    for unit, factor in _G_PER_UNIT.items():
        if abs(raw * factor - 1) <= _GRAVITY_TOLERANCE:
            return f"{text}; the unit looks like {unit}, not {clip.accelerometer_unit}"
    return f"{text}; is the unit {clip.accelerometer_unit} right, is the sensor calibrated"


def _rate(clip: CustomClip, measured: InspectedClip) -> str:
    stated, stamps = clip.accelerometer_rate_hz, measured.stamp_rate_hz
    if stated is None or stamps is None or abs(stamps / stated - 1) <= _RATE_TOLERANCE:
        return ""
    return f"the stamps come at {stamps:.4g} Hz, where {stated:g} Hz is stated"


def _length(clip: CustomClip, recording: CustomRecording) -> str:
    if recording.seconds < _SHORTEST_SECONDS:
        return f"{recording.seconds:.2f} s is short for an action"
    if recording.seconds > _LONGEST_SECONDS:
        return f"{recording.seconds:.1f} s is long for one action; annotations could cut it"
    if "trimmed_to_overlap" in recording.flags and not clip.skeleton_offset:
        return (
            "accelerometer and skeleton do not last equally long, so only what they share is used; "
            "are both rates right, did both start together (else state skeleton_offset)"
        )
    return ""


def _frozen(recording: CustomRecording, rate_hz: float) -> str:
    values = recording.accelerometer
    changes = np.flatnonzero((np.diff(values, axis=0) != 0).any(axis=1))
    longest = int(np.diff(np.concatenate([[-1], changes, [len(values) - 1]])).max())
    seconds = longest / rate_hz
    if seconds < _FROZEN_SECONDS:
        return ""
    return f"the accelerometer stays at exactly the same values for {seconds:.1f} s"


def _alignment(clip: CustomClip, measured: InspectedClip) -> str:
    if measured.correlations is None:
        return ""
    lag = best_lag([measured.correlations])
    if lag.zero_correlation >= _CORRELATION or lag.best_correlation - lag.zero_correlation <= _GAIN:
        return ""
    return (
        f"the streams correlate {lag.zero_correlation:.2f} as they are and "
        f"{lag.best_correlation:.2f} with the skeleton {lag.seconds:+.2f} s late"
        f"{offset_hint(clip, lag.seconds)}"
    )


def offset_hint(clip: CustomClip, lag_seconds: float) -> str:
    """Returns which skeleton_offset would align the streams, as the end of a sentence."""
    if clip.skeleton_rate_hz is None:
        return "; state skeleton_rate_hz and skeleton_offset, or cut both files alike"
    return f"; a skeleton_offset of {clip.skeleton_offset - lag_seconds:.2f} would align them"
