"""Layouts of skeletons.

A `SkeletonLayout` names the joints of a recording and each joint's parent; common trackers' layouts
are in `KNOWN_SKELETONS`, others come from a JSON file.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import UserError

if TYPE_CHECKING:
    from data_prep.dataset_description import DatasetDescription

_AXES = {"x": 0, "y": 1, "z": 2, 0: 0, 1: 1, 2: 2}
_KEYS = {"joint_names", "parents", "root", "up_axis", "dimensions"}


@dataclass(frozen=True)
class SkeletonLayout:
    """The joints of a skeleton, in the order of the recordings.

    Args:
        joint_names: Name of each joint.
        joint_parents: Parent's index of each joint, -1 for the root.
        up_axis: Index of the axis that points up or down; the sign does not matter.
        dimensions: 3 for x, y, z; 2 for x, y and the pose estimator's confidence.
    """

    joint_names: tuple[str, ...]
    joint_parents: tuple[int, ...]
    up_axis: int = 1
    dimensions: int = 3

    @property
    def root_joint(self) -> int:
        """Index of the joint without a parent."""
        return self.joint_parents.index(-1)

    @classmethod
    def of(cls, description: "DatasetDescription") -> "SkeletonLayout":
        """Returns the layout of a prepared set's skeletons.

        Args:
            description: Of the set.
        """
        return cls(
            tuple(description.joint_names),
            tuple(description.joint_parents),
            description.up_axis,
            description.skeleton_dimensions,
        )

    @classmethod
    def load(cls, name: str | Path) -> "SkeletonLayout":
        """Returns a known layout, or the one of a JSON file.

        A file holds `joint_names` (list of texts), `parents` (list of indices, -1 for the root),
        and optionally `root` (index, checked against `parents`), `up_axis` ("x", "y" or "z";
        default "y") and `dimensions` (3, or 2 for x, y, confidence; default 3).

        Args:
            name: A name in `KNOWN_SKELETONS`, or a path that ends with .json.

        Raises:
            UserError: The name is unknown, or the file is missing or breaks a rule.
        """
        if str(name).lower().endswith(".json"):
            return cls._read(Path(name))
        known = KNOWN_SKELETONS.get(str(name))
        if known is None:
            rule = f"A skeleton layout must be one of {', '.join(KNOWN_SKELETONS)} or a .json file"
            raise UserError(rule, name)
        joints, dimensions = known
        names = [joint for joint, _ in joints]
        parents = [-1 if parent is None else names.index(parent) for _, parent in joints]
        return cls(tuple(names), tuple(parents), dimensions=dimensions)

    @classmethod
    def _read(cls, path: Path) -> "SkeletonLayout":
        try:
            content = json.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise UserError("A skeleton layout must be readable", error.strerror, path) from error
        except (ValueError, RecursionError) as error:
            raise UserError("A skeleton layout must be JSON in UTF-8", error, path) from error
        for holds, rule, received in _checks(content):
            if not holds:
                raise UserError(rule, received, path)
        return cls(
            joint_names=tuple(content["joint_names"]),
            joint_parents=tuple(content["parents"]),
            up_axis=_AXES[content.get("up_axis", "y")],
            dimensions=content.get("dimensions", 3),
        )


def _checks(content: Any) -> Any:
    """Yields (holds, rule, received), each check only reached if those before it hold."""
    is_object = isinstance(content, dict) and {"joint_names", "parents"} <= set(content)
    received = sorted(content) if isinstance(content, dict) else type(content).__name__
    yield is_object, "A skeleton layout must be an object with joint_names and parents", received
    odd = ", ".join(sorted(set(content) - _KEYS))
    yield not odd, f"A skeleton layout may hold {', '.join(sorted(_KEYS))}", odd
    names, parents = content["joint_names"], content["parents"]
    are_names = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
    yield are_names and bool(names), "joint_names must be a list of texts", names
    double = sorted({name for name in names if names.count(name) > 1})
    yield not double, "Each joint name must come once", ", ".join(double)
    are_indices = isinstance(parents, list) and all(type(parent) is int for parent in parents)
    yield are_indices, "parents must be a list of whole numbers", parents
    counts = f"{len(parents)} parents, {len(names)} joints"
    yield len(parents) == len(names), "There must be one parent for each joint", counts
    outside = [parent for parent in parents if not -1 <= parent < len(names)]
    rule = f"A parent must be an index from 0 to {len(names) - 1}, or -1 for the root"
    yield not outside, rule, outside
    roots = [index for index, parent in enumerate(parents) if parent == -1]
    yield len(roots) == 1, "Exactly one joint must have the parent -1", f"{len(roots)} joints"
    lost = [names[joint] for joint in range(len(names)) if not _reaches_root(parents, joint)]
    yield not lost, "Parents must lead from each joint to the root", f"a ring at {', '.join(lost)}"
    root = content.get("root", roots[0])
    # `type(...) is int`: True would count as 1.
    is_root = type(root) is int and root == roots[0]
    yield is_root, f"root must be the joint whose parent is -1, which is {roots[0]}", root
    axis = content.get("up_axis", "y")
    is_axis = isinstance(axis, str | int) and not isinstance(axis, bool) and axis in _AXES
    yield is_axis, 'up_axis must be "x", "y" or "z"', axis
    dimensions = content.get("dimensions", 3)
    is_known = type(dimensions) is int and dimensions in (2, 3)
    yield is_known, "dimensions must be 3, or 2 for x, y, confidence", dimensions


def _reaches_root(parents: list[int], joint: int) -> bool:
    for _ in parents:
        joint = parents[joint]
        if joint == -1:
            return True
    return False


KNOWN_SKELETONS: dict[str, tuple[tuple[tuple[str, str | None], ...], int]] = {
    # Kinect for Windows SDK 1.8.
    "kinect_v1_20": (
        (
            ("hip_center", None),
            ("spine", "hip_center"),
            ("shoulder_center", "spine"),
            ("head", "shoulder_center"),
            ("left_shoulder", "shoulder_center"),
            ("left_elbow", "left_shoulder"),
            ("left_wrist", "left_elbow"),
            ("left_hand", "left_wrist"),
            ("right_shoulder", "shoulder_center"),
            ("right_elbow", "right_shoulder"),
            ("right_wrist", "right_elbow"),
            ("right_hand", "right_wrist"),
            ("left_hip", "hip_center"),
            ("left_knee", "left_hip"),
            ("left_ankle", "left_knee"),
            ("left_foot", "left_ankle"),
            ("right_hip", "hip_center"),
            ("right_knee", "right_hip"),
            ("right_ankle", "right_knee"),
            ("right_foot", "right_ankle"),
        ),
        3,
    ),
    # Kinect for Windows SDK 2.0; also NTU RGB+D (Shahroudy et al., CVPR 2016) and NTU RGB+D 120.
    "kinect_v2_25": (
        (
            ("spine_base", None),
            ("spine_mid", "spine_base"),
            ("neck", "spine_shoulder"),
            ("head", "neck"),
            ("left_shoulder", "spine_shoulder"),
            ("left_elbow", "left_shoulder"),
            ("left_wrist", "left_elbow"),
            ("left_hand", "left_wrist"),
            ("right_shoulder", "spine_shoulder"),
            ("right_elbow", "right_shoulder"),
            ("right_wrist", "right_elbow"),
            ("right_hand", "right_wrist"),
            ("left_hip", "spine_base"),
            ("left_knee", "left_hip"),
            ("left_ankle", "left_knee"),
            ("left_foot", "left_ankle"),
            ("right_hip", "spine_base"),
            ("right_knee", "right_hip"),
            ("right_ankle", "right_knee"),
            ("right_foot", "right_ankle"),
            ("spine_shoulder", "spine_mid"),
            ("left_hand_tip", "left_hand"),
            ("left_thumb", "left_wrist"),
            ("right_hand_tip", "right_hand"),
            ("right_thumb", "right_wrist"),
        ),
        3,
    ),
    # Azure Kinect Body Tracking SDK.
    "azure_kinect_32": (
        (
            ("pelvis", None),
            ("spine_navel", "pelvis"),
            ("spine_chest", "spine_navel"),
            ("neck", "spine_chest"),
            ("left_clavicle", "spine_chest"),
            ("left_shoulder", "left_clavicle"),
            ("left_elbow", "left_shoulder"),
            ("left_wrist", "left_elbow"),
            ("left_hand", "left_wrist"),
            ("left_hand_tip", "left_hand"),
            ("left_thumb", "left_wrist"),
            ("right_clavicle", "spine_chest"),
            ("right_shoulder", "right_clavicle"),
            ("right_elbow", "right_shoulder"),
            ("right_wrist", "right_elbow"),
            ("right_hand", "right_wrist"),
            ("right_hand_tip", "right_hand"),
            ("right_thumb", "right_wrist"),
            ("left_hip", "pelvis"),
            ("left_knee", "left_hip"),
            ("left_ankle", "left_knee"),
            ("left_foot", "left_ankle"),
            ("right_hip", "pelvis"),
            ("right_knee", "right_hip"),
            ("right_ankle", "right_knee"),
            ("right_foot", "right_ankle"),
            ("head", "neck"),
            ("nose", "head"),
            ("left_eye", "head"),
            ("left_ear", "head"),
            ("right_eye", "head"),
            ("right_ear", "head"),
        ),
        3,
    ),
    # SMPL's joints (Loper et al., 2015) without the hands: HumanML3D's `new_joints` at 20 frames a
    # second (Guo et al., CVPR 2022).
    "smpl_22": (
        (
            ("pelvis", None),
            ("left_hip", "pelvis"),
            ("right_hip", "pelvis"),
            ("spine1", "pelvis"),
            ("left_knee", "left_hip"),
            ("right_knee", "right_hip"),
            ("spine2", "spine1"),
            ("left_ankle", "left_knee"),
            ("right_ankle", "right_knee"),
            ("spine3", "spine2"),
            ("left_foot", "left_ankle"),
            ("right_foot", "right_ankle"),
            ("neck", "spine3"),
            ("left_collar", "spine3"),
            ("right_collar", "spine3"),
            ("head", "neck"),
            ("left_shoulder", "left_collar"),
            ("right_shoulder", "right_collar"),
            ("left_elbow", "left_shoulder"),
            ("right_elbow", "right_shoulder"),
            ("left_wrist", "left_elbow"),
            ("right_wrist", "right_elbow"),
        ),
        3,
    ),
    # COCO key points; no joint lies between the hips, so the left one is the root.
    "coco_17": (
        (
            ("nose", "left_shoulder"),
            ("left_eye", "nose"),
            ("right_eye", "nose"),
            ("left_ear", "left_eye"),
            ("right_ear", "right_eye"),
            ("left_shoulder", "left_hip"),
            ("right_shoulder", "right_hip"),
            ("left_elbow", "left_shoulder"),
            ("right_elbow", "right_shoulder"),
            ("left_wrist", "left_elbow"),
            ("right_wrist", "right_elbow"),
            ("left_hip", None),
            ("right_hip", "left_hip"),
            ("left_knee", "left_hip"),
            ("right_knee", "right_hip"),
            ("left_ankle", "left_knee"),
            ("right_ankle", "right_knee"),
        ),
        2,
    ),
    # OpenPose's BODY_25 and, of its older models, COCO (Cao et al., PAMI 2021).
    "openpose_25": (
        (
            ("nose", "neck"),
            ("neck", "mid_hip"),
            ("right_shoulder", "neck"),
            ("right_elbow", "right_shoulder"),
            ("right_wrist", "right_elbow"),
            ("left_shoulder", "neck"),
            ("left_elbow", "left_shoulder"),
            ("left_wrist", "left_elbow"),
            ("mid_hip", None),
            ("right_hip", "mid_hip"),
            ("right_knee", "right_hip"),
            ("right_ankle", "right_knee"),
            ("left_hip", "mid_hip"),
            ("left_knee", "left_hip"),
            ("left_ankle", "left_knee"),
            ("right_eye", "nose"),
            ("left_eye", "nose"),
            ("right_ear", "right_eye"),
            ("left_ear", "left_eye"),
            ("left_big_toe", "left_ankle"),
            ("left_small_toe", "left_big_toe"),
            ("left_heel", "left_ankle"),
            ("right_big_toe", "right_ankle"),
            ("right_small_toe", "right_big_toe"),
            ("right_heel", "right_ankle"),
        ),
        2,
    ),
    "openpose_18": (
        (
            ("nose", "neck"),
            ("neck", None),
            ("right_shoulder", "neck"),
            ("right_elbow", "right_shoulder"),
            ("right_wrist", "right_elbow"),
            ("left_shoulder", "neck"),
            ("left_elbow", "left_shoulder"),
            ("left_wrist", "left_elbow"),
            ("right_hip", "neck"),
            ("right_knee", "right_hip"),
            ("right_ankle", "right_knee"),
            ("left_hip", "neck"),
            ("left_knee", "left_hip"),
            ("left_ankle", "left_knee"),
            ("right_eye", "nose"),
            ("left_eye", "nose"),
            ("right_ear", "right_eye"),
            ("left_ear", "left_eye"),
        ),
        2,
    ),
    # MediaPipe Pose; rooted as coco_17.
    "mediapipe_33": (
        (
            ("nose", "left_shoulder"),
            ("left_eye_inner", "nose"),
            ("left_eye", "left_eye_inner"),
            ("left_eye_outer", "left_eye"),
            ("right_eye_inner", "nose"),
            ("right_eye", "right_eye_inner"),
            ("right_eye_outer", "right_eye"),
            ("left_ear", "left_eye_outer"),
            ("right_ear", "right_eye_outer"),
            ("left_mouth", "nose"),
            ("right_mouth", "nose"),
            ("left_shoulder", "left_hip"),
            ("right_shoulder", "right_hip"),
            ("left_elbow", "left_shoulder"),
            ("right_elbow", "right_shoulder"),
            ("left_wrist", "left_elbow"),
            ("right_wrist", "right_elbow"),
            ("left_pinky", "left_wrist"),
            ("right_pinky", "right_wrist"),
            ("left_index", "left_wrist"),
            ("right_index", "right_wrist"),
            ("left_thumb", "left_wrist"),
            ("right_thumb", "right_wrist"),
            ("left_hip", None),
            ("right_hip", "left_hip"),
            ("left_knee", "left_hip"),
            ("right_knee", "right_hip"),
            ("left_ankle", "left_knee"),
            ("right_ankle", "right_knee"),
            ("left_heel", "left_ankle"),
            ("right_heel", "right_ankle"),
            ("left_foot_index", "left_heel"),
            ("right_foot_index", "right_heel"),
        ),
        3,
    ),
}
