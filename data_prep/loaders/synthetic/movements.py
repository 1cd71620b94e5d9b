"""A body whose joint angles move it, the synthetic actions, and ideal sensors on its wrist."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_prep.clip import STANDARD_GRAVITY

JOINT_NAMES = [
    "hip_center",
    "spine",
    "shoulder_center",
    "head",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "left_hand",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "right_hand",
]
JOINT_PARENTS = [-1, 0, 1, 2, 2, 4, 5, 6, 2, 8, 9, 10]
RIGHT_WRIST = JOINT_NAMES.index("right_wrist")

ARM_ANGLES = ("flexion", "abduction", "rotation", "elbow", "pronation")
TRUNK_ANGLES = ("lean", "sway", "twist")
ANGLE_NAMES = (
    *(f"trunk_{angle}" for angle in TRUNK_ANGLES),
    *(f"{side}_{angle}" for side in ("left", "right") for angle in ARM_ANGLES),
)


@dataclass(frozen=True)
class Body:
    """Lengths of a body's segments in metres."""

    hip_height: float = 0.95
    trunk: float = 0.5
    neck: float = 0.2
    shoulder_width: float = 0.36
    upper_arm: float = 0.3
    forearm: float = 0.26
    hand: float = 0.08


def body_pose(body: Body, angles: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Computes where the joints are.

    An arm with all angles 0 hangs down. Flexion raises it forward, abduction sideways, rotation
    and pronation turn the upper arm and the forearm about their length, elbow bends it.

    Args:
        body: Segment lengths.
        angles: Each of `ANGLE_NAMES` -> (times,) in radians.

    Returns:
        Joint positions (times, joints, 3) in metres, and the right forearm's orientation
        (times, 3, 3), whose columns are the forearm's axes in the world.
    """
    times = len(angles["trunk_lean"])
    trunk = (
        turn("y", angles["trunk_twist"])
        @ turn("x", -angles["trunk_lean"])
        @ turn("z", angles["trunk_sway"])
    )
    hip = np.broadcast_to([0.0, body.hip_height, 0.0], (times, 3))
    up = trunk[:, :, 1]
    right = trunk[:, :, 0]
    shoulder_center = hip + body.trunk * up
    joints = [hip, hip + 0.5 * body.trunk * up, shoulder_center, shoulder_center + body.neck * up]
    forearm = trunk
    for side, sign in (("left", -1.0), ("right", 1.0)):
        upper_arm = (
            trunk
            @ turn("z", sign * angles[f"{side}_abduction"])
            @ turn("x", angles[f"{side}_flexion"])
            @ turn("y", sign * angles[f"{side}_rotation"])
        )
        forearm = (
            upper_arm
            @ turn("x", angles[f"{side}_elbow"])
            @ turn("y", sign * angles[f"{side}_pronation"])
        )
        shoulder = shoulder_center + sign * 0.5 * body.shoulder_width * right
        elbow = shoulder - body.upper_arm * upper_arm[:, :, 1]
        wrist = elbow - body.forearm * forearm[:, :, 1]
        joints += [shoulder, elbow, wrist, wrist - body.hand * forearm[:, :, 1]]
    return np.stack(joints, axis=1), forearm


def turn(axis: str, angle: np.ndarray) -> np.ndarray:
    """Returns right-handed rotation matrices (times, 3, 3) about "x", "y" or "z".

    Args:
        axis: The axis to turn about.
        angle: (times,) in radians.
    """
    angle = np.asarray(angle, dtype=np.float64)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, range(3), range(3)] = 1.0
    matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
    matrix[:, second, first] = np.sin(angle)
    matrix[:, first, second] = -np.sin(angle)
    return matrix


ACTION_NAMES = [
    "wave_one_arm",
    "wave_both_arms",
    "punch",
    "punch_with_lean",
    "raise_one_arm",
    "raise_both_arms",
    "circle_one_arm",
    "circle_with_twist",
]


_Angles = dict[str, np.ndarray]


def action_angles(
    action: int, phase: np.ndarray, progress: np.ndarray, amplitude: float
) -> Mapping[str, np.ndarray]:
    """Returns the joint angles of one action.

    Args:
        action: Index into `ACTION_NAMES`.
        phase: (times,) in radians, one turn a repetition of the movement.
        progress: (times,) from 0 at the clip's start to 1 at its end.
        amplitude: Size of the movement, 1 for the average person.

    Returns:
        Each of `ANGLE_NAMES` -> (times,) in radians.
    """
    angles = _hanging(phase)
    family, is_second = divmod(action, 2)
    (_wave, _punch, _raise, _circle)[family](angles, phase, progress, amplitude, is_second == 1)
    return angles


def _hanging(phase: np.ndarray) -> _Angles:
    angles = {name: np.zeros_like(phase) for name in ANGLE_NAMES}
    angles["left_abduction"] += 0.12
    angles["left_elbow"] += 0.25
    return angles


def between_rests(
    angles: Mapping[str, np.ndarray], times: np.ndarray, duration: float, seconds: float
) -> Mapping[str, np.ndarray]:
    """Returns joint angles that come from the hanging arms and go back to them.

    Args:
        angles: Of the movement, each of `ANGLE_NAMES` -> (times,) in radians.
        times: (times,) in seconds.
        duration: End of the movement in seconds.
        seconds: Length of the way there, and of the way back.

    Returns:
        The angles; on each way the share of the movement is a polynomial of degree 5, which starts
        and ends without speed and acceleration.
    """
    way = np.clip(np.minimum(times, duration - times) / seconds, 0.0, 1.0)
    share = way**3 * (10.0 - 15.0 * way + 6.0 * way**2)
    hanging = _hanging(times)
    return {name: hanging[name] + share * (angles[name] - hanging[name]) for name in ANGLE_NAMES}


def _wave(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, both_arms: bool
) -> None:
    swing = amplitude * np.sin(phase)
    for side in ("right", "left") if both_arms else ("right",):
        angles[f"{side}_flexion"] += 0.9
        angles[f"{side}_abduction"] += 0.9 + 0.15 * swing
        angles[f"{side}_elbow"] = 1.3 + 0.35 * swing
        angles[f"{side}_rotation"] += 0.3 + 0.4 * swing
    # Two arms balance each other; a single one takes the trunk along.
    angles["trunk_sway"] += (0.0 if both_arms else 0.09) * swing


def _punch(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, lean: bool
) -> None:
    thrust = amplitude * np.sin(0.5 * phase) ** 4
    angles["right_flexion"] += 0.7 + 0.6 * thrust
    angles["right_elbow"] += 1.9 - 1.5 * thrust
    angles["right_abduction"] += 0.2
    angles["left_flexion"] += 0.7
    angles["left_elbow"] += 1.5
    if lean:
        trunk = 0.2 + 0.3 * thrust
        angles["trunk_lean"] += trunk
        # The arm stays level: the shoulder gives back most of what the trunk leans.
        angles["right_flexion"] += 0.7 * trunk
        angles["left_flexion"] += 0.7 * trunk


def _raise(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, both_arms: bool
) -> None:
    lift = amplitude * np.sin(np.pi * progress) ** 2
    for side in ("right", "left") if both_arms else ("right",):
        angles[f"{side}_flexion"] += 1.9 * lift
        angles[f"{side}_elbow"] = 0.3 + 0.2 * lift
        angles[f"{side}_abduction"] += 0.2
    angles["trunk_lean"] += (-0.14 if both_arms else 0.0) * lift
    angles["trunk_sway"] += (0.0 if both_arms else -0.1) * lift


def _circle(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, twist: bool
) -> None:
    angles["right_flexion"] += 1.3 + 0.4 * amplitude * np.sin(phase)
    angles["right_abduction"] += 0.2 + 0.4 * amplitude * np.cos(phase)
    angles["right_elbow"] += 0.5 + 0.15 * amplitude * np.sin(phase)
    if twist:
        angles["trunk_twist"] += 0.35 * np.sin(0.5 * phase)
        angles["right_abduction"] -= 0.15 * np.sin(0.5 * phase)
        angles["left_abduction"] += 0.5
        angles["left_elbow"] += 1.2


def ideal_accelerometer(
    position: np.ndarray, orientation: np.ndarray, rate_hz: float
) -> np.ndarray:
    """Computes the specific force a sensor measures: acceleration minus gravity, in its frame.

    f = R^T (x'' - g) / 9.80665 with g = (0, -9.80665, 0), x'' by central second differences. A
    still sensor so measures 1 g upwards.

    Args:
        position: (times, 3) in metres, y up.
        orientation: (times, 3, 3); the columns are the sensor's axes in the world.
        rate_hz: Samples per second of both.

    Returns:
        (times - 2, 3) in g: the first and last time have no second difference.
    """
    second = (position[2:] - 2.0 * position[1:-1] + position[:-2]) * rate_hz**2
    second = second + np.array([0.0, STANDARD_GRAVITY, 0.0])
    return np.asarray(np.einsum("tji,tj->ti", orientation[1:-1], second) / STANDARD_GRAVITY)


def ideal_gyroscope(orientation: np.ndarray, rate_hz: float) -> np.ndarray:
    """Computes the turn rates that a gyroscope measures along the sensor's axes.

    Args:
        orientation: (times, 3, 3); the columns are the sensor's axes in the world.
        rate_hz: Samples per second.

    Returns:
        (times - 2, 3) in degrees per second, at the times of `ideal_accelerometer`.
    """
    from data_prep.limb_motion import turn_rates  # needs scipy.ndimage, the other streams do not

    return turn_rates(orientation.transpose(0, 2, 1), rate_hz)[1:-1]
