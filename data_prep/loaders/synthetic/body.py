"""Forward kinematics of the synthetic body: joint angles to joint positions.

Axes: x to the person's right, y up, z backward; metres, radians. Ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

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
