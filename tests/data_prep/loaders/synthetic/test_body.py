"""Forward kinematics in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.loaders.synthetic import (
    ANGLE_NAMES,
    JOINT_NAMES,
    JOINT_PARENTS,
    Body,
    body_pose,
    turn,
)

BODY = Body()


def pose(**angles: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns joint name -> position and the forearm's orientation of one posture."""
    values = {name: np.array([angles.get(name, 0.0)]) for name in ANGLE_NAMES}
    joints, forearm = body_pose(BODY, values)
    return dict(zip(JOINT_NAMES, joints[0], strict=True)), forearm[0]


def test_standing_still_arms_hang():
    joints, forearm = pose()
    shoulder_height = BODY.hip_height + BODY.trunk
    np.testing.assert_allclose(joints["hip_center"], [0, BODY.hip_height, 0])
    np.testing.assert_allclose(joints["head"], [0, shoulder_height + BODY.neck, 0])
    arm = BODY.upper_arm + BODY.forearm
    for side, x in (("left", -0.18), ("right", 0.18)):
        np.testing.assert_allclose(joints[f"{side}_wrist"], [x, shoulder_height - arm, 0])
    np.testing.assert_allclose(forearm, np.eye(3))


@pytest.mark.parametrize(
    ("angle", "direction"),
    [("flexion", [0, 0, -1]), ("abduction", [1, 0, 0])],
)
def test_a_quarter_turn_of_the_shoulder(angle: str, direction: list[int]):
    """Flexion raises the right arm forward (-z), abduction to the right (+x)."""
    joints, _ = pose(**{f"right_{angle}": np.pi / 2})
    reach = (BODY.upper_arm + BODY.forearm) * np.array(direction)
    offset = joints["right_wrist"] - joints["right_shoulder"]
    np.testing.assert_allclose(offset, reach, atol=1e-12)


def test_elbow_and_lean_move_forward():
    joints, _ = pose(right_elbow=np.pi / 2)
    offset = joints["right_wrist"] - joints["right_elbow"]
    np.testing.assert_allclose(offset, [0, 0, -BODY.forearm], atol=1e-12)
    joints, _ = pose(trunk_lean=np.pi / 2)
    offset = joints["shoulder_center"] - joints["hip_center"]
    np.testing.assert_allclose(offset, [0, 0, -BODY.trunk], atol=1e-12)


@given(st.lists(st.floats(-3, 3), min_size=len(ANGLE_NAMES), max_size=len(ANGLE_NAMES)))
def test_no_posture_stretches_a_limb(values: list[float]):
    """Every segment keeps its length, the forearm's frame stays a rotation."""
    joints, forearm = pose(**dict(zip(ANGLE_NAMES, values, strict=True)))
    position = np.stack(list(joints.values()))
    lengths = np.linalg.norm(position[1:] - position[JOINT_PARENTS[1:]], axis=1)
    half_width = BODY.shoulder_width / 2
    arm = [half_width, BODY.upper_arm, BODY.forearm, BODY.hand]
    trunk = [BODY.trunk / 2, BODY.trunk / 2, BODY.neck]
    np.testing.assert_allclose(lengths, [*trunk, *arm, *arm], atol=1e-9)
    np.testing.assert_allclose(forearm.T @ forearm, np.eye(3), atol=1e-9)
    assert np.linalg.det(forearm) == pytest.approx(1.0)


@given(st.lists(st.floats(-3, 3), min_size=5, max_size=5))
def test_left_arm_mirrors_the_right(values: list[float]):
    names = ("flexion", "abduction", "rotation", "elbow", "pronation")
    angles = {
        f"{side}_{name}": value
        for side in ("left", "right")
        for name, value in zip(names, values, strict=True)
    }
    joints, _ = pose(**angles)
    np.testing.assert_allclose(joints["left_hand"], joints["right_hand"] * [-1, 1, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("axis", "start", "end"),
    [("x", [0, 1, 0], [0, 0, 1]), ("y", [0, 0, 1], [1, 0, 0]), ("z", [1, 0, 0], [0, 1, 0])],
)
def test_turn_is_right_handed(axis: str, start: list[int], end: list[int]):
    np.testing.assert_allclose(turn(axis, np.array([np.pi / 2]))[0] @ start, end, atol=1e-12)
