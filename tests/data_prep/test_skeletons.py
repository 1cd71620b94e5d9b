"""Named skeleton layouts, and those of a user's file."""

import json
from pathlib import Path

import pytest

from data_prep.errors import UserError
from data_prep.skeletons import KNOWN_SKELETONS, SkeletonLayout

GOOD = {"joint_names": ["a", "b", "c"], "parents": [1, -1, 0]}


def load(tmp_path: Path, content: object) -> SkeletonLayout:
    path = tmp_path / "layout.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return SkeletonLayout.load(path)


@pytest.mark.parametrize("name", KNOWN_SKELETONS)
def test_known_layouts_are_trees(name: str):
    layout = SkeletonLayout.load(name)
    assert len(layout.joint_names) == len(set(layout.joint_names)) == int(name.split("_")[-1])
    assert layout.joint_parents.count(-1) == 1
    for joint in range(len(layout.joint_names)):
        steps = 0
        while joint != -1:
            joint = layout.joint_parents[joint]
            steps += 1
            assert steps <= 10
    # Each joint of one side hangs on the same joint of that side, or on the middle.
    for joint, parent in KNOWN_SKELETONS[name][0]:
        if joint.startswith("right_") and parent is not None and parent.startswith("left_"):
            assert (joint, parent) == ("right_hip", "left_hip")


@pytest.mark.parametrize(
    ("name", "index", "joint"),
    [
        ("kinect_v1_20", 11, "right_hand"),
        ("kinect_v2_25", 20, "spine_shoulder"),
        ("azure_kinect_32", 14, "right_wrist"),
        ("azure_kinect_32", 26, "head"),
        ("smpl_22", 17, "right_shoulder"),
        ("smpl_22", 21, "right_wrist"),
        ("coco_17", 10, "right_wrist"),
        ("coco_17", 16, "right_ankle"),
        ("mediapipe_33", 16, "right_wrist"),
        ("mediapipe_33", 32, "right_foot_index"),
    ],
)
def test_known_joint_numbers(name: str, index: int, joint: str):
    """As the documentation of the SDKs and of SMPL numbers them."""
    assert SkeletonLayout.load(name).joint_names[index] == joint


def test_only_poses_are_flat():
    dimensions = {name: SkeletonLayout.load(name).dimensions for name in KNOWN_SKELETONS}
    flat = [name for name, count in dimensions.items() if count == 2]
    assert flat == ["coco_17", "openpose_25", "openpose_18"]


def test_file(tmp_path):
    layout = load(tmp_path, {**GOOD, "root": 1, "up_axis": "z", "dimensions": 2})
    assert layout == SkeletonLayout(("a", "b", "c"), (1, -1, 0), up_axis=2, dimensions=2)
    assert layout.root_joint == 1


def test_defaults_of_a_file(tmp_path):
    layout = load(tmp_path, GOOD)
    assert (layout.root_joint, layout.up_axis, layout.dimensions) == (1, 1, 3)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ([], "must be an object with joint_names and parents. Received: list"),
        ({"joint_names": ["a"]}, "must be an object with joint_names and parents"),
        ({**GOOD, "scale": 1}, "may hold dimensions, .*Received: scale"),
        ({**GOOD, "joint_names": "abc"}, "joint_names must be a list of texts"),
        ({**GOOD, "joint_names": ["a", "b", 3]}, "joint_names must be a list of texts"),
        ({"joint_names": [], "parents": []}, "joint_names must be a list of texts"),
        ({**GOOD, "joint_names": ["a", "b", "a"]}, "must come once. Received: a"),
        ({**GOOD, "parents": [1, -1]}, "one parent for each joint. Received: 2 parents, 3 joints"),
        ({**GOOD, "parents": [1, -1, 0.0]}, "parents must be a list of whole numbers"),
        ({**GOOD, "parents": [1, -1, True]}, "parents must be a list of whole numbers"),
        ({**GOOD, "parents": [1, -1, 3]}, "index from 0 to 2, or -1 for the root"),
        ({**GOOD, "parents": [-1, -1, 0]}, "Exactly one joint must have the parent -1"),
        ({**GOOD, "parents": [2, -1, 0]}, "lead from each joint to the root.*a ring at a, c"),
        ({**GOOD, "root": 0}, "root must be the joint whose parent is -1, which is 1"),
        ({**GOOD, "root": True}, "root must be the joint"),
        ({**GOOD, "up_axis": "w"}, 'up_axis must be "x", "y" or "z"'),
        ({**GOOD, "up_axis": [1]}, 'up_axis must be "x", "y" or "z"'),
        ({**GOOD, "dimensions": 4}, "dimensions must be 3, or 2 for x, y, confidence"),
    ],
)
def test_broken_file(tmp_path, content: object, rule: str):
    with pytest.raises(UserError, match=f"{rule}.*layout.json"):
        load(tmp_path, content)


def test_missing_and_unreadable_file(tmp_path):
    with pytest.raises(UserError, match="must be readable"):
        SkeletonLayout.load(tmp_path / "no.json")
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match="must be JSON in UTF-8"):
        SkeletonLayout.load(tmp_path / "bad.json")


def test_unknown_name():
    with pytest.raises(UserError, match=r"must be one of kinect_v1_20, .*Received: kinect"):
        SkeletonLayout.load("kinect")
