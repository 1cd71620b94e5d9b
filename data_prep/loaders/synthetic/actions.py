"""The actions of the synthetic set: joint angles over time.

They come in pairs that move the right arm alike. What tells a pair apart (the left arm, the trunk)
is plain in the skeleton and leaves a weak trace at the right wrist. Ours.
"""

from collections.abc import Mapping

import numpy as np

from data_prep.loaders.synthetic.body import ANGLE_NAMES

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
    angles = {name: np.zeros_like(phase) for name in ANGLE_NAMES}
    angles["left_abduction"] += 0.12
    angles["left_elbow"] += 0.25
    family, is_second = divmod(action, 2)
    (_wave, _punch, _raise, _circle)[family](angles, phase, progress, amplitude, is_second == 1)
    return angles


def _wave(angles, phase, progress, amplitude, both_arms) -> None:
    swing = amplitude * np.sin(phase)
    for side in ("right", "left") if both_arms else ("right",):
        angles[f"{side}_flexion"] += 0.9
        angles[f"{side}_abduction"] += 0.9 + 0.15 * swing
        angles[f"{side}_elbow"] = 1.3 + 0.35 * swing
        angles[f"{side}_rotation"] += 0.3 + 0.4 * swing
    # Two arms balance each other; a single one takes the trunk along.
    angles["trunk_sway"] += (0.0 if both_arms else 0.09) * swing


def _punch(angles, phase, progress, amplitude, lean) -> None:
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


def _raise(angles, phase, progress, amplitude, both_arms) -> None:
    lift = amplitude * np.sin(np.pi * progress) ** 2
    for side in ("right", "left") if both_arms else ("right",):
        angles[f"{side}_flexion"] += 1.9 * lift
        angles[f"{side}_elbow"] = 0.3 + 0.2 * lift
        angles[f"{side}_abduction"] += 0.2
    angles["trunk_lean"] += (-0.14 if both_arms else 0.0) * lift
    angles["trunk_sway"] += (0.0 if both_arms else -0.1) * lift


def _circle(angles, phase, progress, amplitude, twist) -> None:
    angles["right_flexion"] += 1.3 + 0.4 * amplitude * np.sin(phase)
    angles["right_abduction"] += 0.2 + 0.4 * amplitude * np.cos(phase)
    angles["right_elbow"] += 0.5 + 0.15 * amplitude * np.sin(phase)
    if twist:
        angles["trunk_twist"] += 0.35 * np.sin(0.5 * phase)
        angles["right_abduction"] -= 0.15 * np.sin(0.5 * phase)
        angles["left_abduction"] += 0.5
        angles["left_elbow"] += 1.2
