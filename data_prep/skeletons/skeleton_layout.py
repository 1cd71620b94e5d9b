"""The joints of a skeleton and how they hang together: named layouts, or a user's JSON file."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.skeletons.known_skeletons import KNOWN_SKELETONS
from data_prep.user_error import UserError

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
    def load(cls, name: str | Path) -> "SkeletonLayout":
        """Returns a known layout, or the one of a JSON file.

        A file holds `joint_names` (list of texts), `parents` (list of indices, -1 for the root),
        and where they differ from the defaults `root` (index; to be safe), `up_axis` ("x", "y" or
        "z"; default "y") and `dimensions` (3, or 2 for x, y, confidence; default 3).

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
