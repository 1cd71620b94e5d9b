"""Checks of one clip of the user's recordings: unit, rate, length, gaps and lag.

`inspect_clip` measures a clip (`InspectedClip`) and compares the measures with the manifest; each
disagreement is a `Problem`.
"""

import re
from dataclasses import dataclass

import numpy as np

from data_prep.alignment import best_lag, movement_correlations
from data_prep.clip import NULL_LABEL, Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.custom.accelerometer import G_PER_UNIT
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.custom.recording import CustomRecording
from data_prep.loaders.custom.recording_paths import tells_rate
from data_prep.plausibility import clip_doubts, gravity_at_rest
from data_prep.problems import Problem
from data_prep.skeletons import SkeletonLayout

_NO_SKELETON = "no skeleton, so a skeleton teacher cannot use it"
_SHORTEST_SECONDS = 0.5
_LONGEST_SECONDS = 20.0
_GRAVITY_TOLERANCE = 0.1
_RATE_TOLERANCE = 0.05
_SHORTEST_CORRELATED_SECONDS = 1.0
# Chosen on UTD-MHAD: a warning names 1 % of its clips, 32 % with an added offset of 0.5 s and 57 %
# with one of 1 s. `inspect_recordings` also checks groups of clips, which is more reliable.
_CORRELATION, _GAIN = 0.1, 0.4


@dataclass(frozen=True, eq=False)
class InspectedClip:
    """Measures of one clip.

    Args:
        clip_id: Its name.
        subject: Who moved.
        action: Label of the action.
        seconds: Its length; None, as in all further fields, if it could not be read.
        stated_rate_hz: Rate of the accelerometer in the manifest, None if it has stamps alone.
        stamp_rate_hz: Rate by the median step of the stamps, None without stamps.
        gravity: Magnitude of the accelerometer at rest in g, None if the sensor is never at rest.
        correlations: Correlations of the movement energies; see `movement_correlations`. None
            without a skeleton or movement.
        has_skeleton: Whether it has a skeleton.
        has_accelerometer: Whether it has an accelerometer.
        flags: Notes of the loader.
        sensor_place: Where the sensor was worn; right_wrist unless the manifest states another.
        turn_rate: Largest turn rate on an axis in degrees per second, None without a gyroscope.
    """

    clip_id: str
    subject: str
    action: str
    seconds: float | None = None
    stated_rate_hz: float | None = None
    stamp_rate_hz: float | None = None
    gravity: float | None = None
    correlations: np.ndarray | None = None
    has_skeleton: bool = False
    has_accelerometer: bool = False
    flags: tuple[str, ...] = ()
    sensor_place: str = ""
    turn_rate: float | None = None


def inspect_clip(
    clip: CustomClip, recording: CustomRecording, rate_hz: float, layout: SkeletonLayout | None
) -> tuple[InspectedClip, list[Problem]]:
    """Measures one clip and compares the measures with the manifest.

    Args:
        clip: The row of the manifest.
        recording: The streams of the clip.
        rate_hz: Rate of the recording's accelerometer.
        layout: The skeleton's joints.

    Returns:
        The measures and the problems.
    """
    made = recorded_clip(clip, recording)
    dimensions = layout.dimensions if layout else 3
    measured = InspectedClip(
        clip_id=clip.clip_id,
        subject=clip.subject,
        action=clip.action,
        seconds=recording.seconds,
        stated_rate_hz=clip.accelerometer_rate_hz,
        stamp_rate_hz=recording.stamp_rate_hz,
        gravity=(
            None
            if recording.accelerometer is None
            else gravity_at_rest(recording.accelerometer, rate_hz)
        ),
        correlations=_correlations(clip, recording, layout),
        has_skeleton=recording.skeleton is not None,
        has_accelerometer=recording.accelerometer is not None,
        flags=recording.flags,
        sensor_place=clip.sensor_place,
        turn_rate=(
            None if recording.gyroscope is None else float(np.abs(recording.gyroscope).max())
        ),
    )
    found = [
        ("error", _broken_rule(made, dimensions)),
        ("unit", _unit(clip, measured)),
        ("rate", _rate(clip, measured)),
        ("length", _length(clip, recording)),
        ("alignment", _alignment(clip, measured)),
        (
            "skeleton",
            "" if measured.has_skeleton else _NO_SKELETON,
        ),
    ]
    problems = [Problem(kind, clip.clip_id, text) for kind, text in found if text]
    kinds = {problem.kind for problem in problems}
    # A wrong unit explains a wrong mean vector.
    doubts = [
        doubt
        for doubt in clip_doubts(made, rate_hz, layout)
        if doubt.kind != "gravity" or not kinds & {"error", "unit"}
    ]
    return measured, problems + doubts


def recorded_clip(clip: CustomClip, recording: CustomRecording) -> Clip:
    """Returns a clip of a prepared set; its class index is 0, because others are not known here."""
    return Clip(
        clip.clip_id,
        clip.subject,
        0,
        clip.trial,
        clip.sensor_place,
        recording.accelerometer,
        recording.gyroscope,
        recording.skeleton,
        sources=recording.sources,
    )


def _correlations(
    clip: CustomClip, recording: CustomRecording, layout: SkeletonLayout | None
) -> np.ndarray | None:
    if recording.accelerometer is None or recording.skeleton is None or layout is None:
        return None
    if recording.seconds < _SHORTEST_CORRELATED_SECONDS:
        return None
    positions = recording.skeleton[:, :, : layout.dimensions]
    joint = sensor_joint(clip.sensor_place, layout, positions)
    return movement_correlations(recording.accelerometer, positions[:, joint], recording.seconds)


def sensor_joint(place: str, layout: SkeletonLayout, positions: np.ndarray) -> int:
    """Returns the joint at which the sensor was worn, or the joint that moves most.

    Args:
        place: Such as "right_wrist".
        layout: The joints; "RightWrist" and "wrist_right" match "right_wrist".
        positions: (frames, joints, 2 or 3).
    """
    # No joint lies on the thigh; the knee moves with it.
    words = re.split(r"[\s_-]+", place.lower().replace("thigh", "knee"))
    for index, name in enumerate(layout.joint_names):
        if all(word in name.lower() for word in words):
            return index
    steps = np.linalg.norm(np.diff(positions.astype(np.float64), axis=0), axis=2)
    return int(steps.sum(axis=0).argmax())


def _broken_rule(made: Clip, dimensions: int) -> str:
    try:
        check_clip(made, dimensions)
    except UserError as error:
        return str(error)
    return ""


def _unit(clip: CustomClip, measured: InspectedClip) -> str:
    if measured.gravity is None or abs(measured.gravity - 1) <= _GRAVITY_TOLERANCE:
        return ""
    text = f"at rest the accelerometer measures {measured.gravity:.3g} g, not 1"
    if clip.accelerometer_unit == "lsb":
        assert clip.accelerometer_scale is not None  # the manifest needs it for this unit
        scale = clip.accelerometer_scale / measured.gravity
        return f"{text}; an accelerometer_scale of {scale:.3g} g per LSB would fit"
    raw = measured.gravity / G_PER_UNIT[clip.accelerometer_unit]
    for unit, factor in G_PER_UNIT.items():
        if abs(raw * factor - 1) <= _GRAVITY_TOLERANCE:
            return f"{text}; the unit looks like {unit}, not {clip.accelerometer_unit}"
    return f"{text}; check the unit {clip.accelerometer_unit} and the sensor's calibration"


def _rate(clip: CustomClip, measured: InspectedClip) -> str:
    stated, stamps = clip.accelerometer_rate_hz, measured.stamp_rate_hz
    if stated is None or stamps is None or abs(stamps / stated - 1) <= _RATE_TOLERANCE:
        return ""
    return f"the stamps come at {stamps:.4g} Hz, but the manifest states {stated:g} Hz"


def _length(clip: CustomClip, recording: CustomRecording) -> str:
    if recording.seconds < _SHORTEST_SECONDS:
        return f"{recording.seconds:.2f} s is short for an action"
    if recording.seconds > _LONGEST_SECONDS and clip.action != NULL_LABEL:
        return f"{recording.seconds:.1f} s is long for one action; annotations could cut it"
    if "trimmed_to_overlap" in recording.flags and not clip.skeleton_offset:
        return (
            "accelerometer and skeleton do not last equally long, so only their common time is "
            "used; check both rates, and state skeleton_offset if they did not start together"
        )
    return ""


def _alignment(clip: CustomClip, measured: InspectedClip) -> str:
    if measured.correlations is None:
        return ""
    lag = best_lag([measured.correlations])
    if lag.zero_correlation >= _CORRELATION or lag.best_correlation - lag.zero_correlation <= _GAIN:
        return ""
    return (
        f"the streams correlate {lag.zero_correlation:.2f} as recorded and "
        f"{lag.best_correlation:.2f} with the skeleton {lag.seconds:+.2f} s late"
        f"{offset_hint(clip, lag.seconds)}"
    )


def offset_hint(clip: CustomClip, lag_seconds: float) -> str:
    """Returns the end of a sentence: which skeleton_offset would align the streams."""
    if clip.skeleton_rate_hz is None and not tells_rate(clip.skeleton_path):
        return "; state skeleton_rate_hz and skeleton_offset, or cut both files alike"
    return f"; a skeleton_offset of {clip.skeleton_offset - lag_seconds:.2f} would align them"
