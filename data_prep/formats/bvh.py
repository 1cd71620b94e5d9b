"""BVH motion-capture files: a hierarchy of joints, and its rotations frame by frame.

`BvhFile.parse` checks the hierarchy and computes where each joint is (forward kinematics).
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from data_prep.errors import UserError
from data_prep.formats.tables import read_number_table

_POSITIONS = ("xposition", "yposition", "zposition")
_ROTATIONS = ("xrotation", "yrotation", "zrotation")
_MOST_JOINTS = 500


@dataclass(frozen=True, eq=False)
class BvhFile:
    """The joints of a BVH file and their positions; read one with `BvhFile.parse`.

    Args:
        joint_names: Name of each joint, in the file's order; end sites are left out.
        joint_parents: Parent's index of each joint, -1 for the root.
        frame_seconds: Time from frame to frame.
        positions: float64 (frames, joints, 3) in the file's unit; None if only the hierarchy was
            read.
    """

    joint_names: list[str]
    joint_parents: list[int]
    frame_seconds: float
    positions: np.ndarray | None

    @classmethod
    def parse(cls, content: bytes, name: str, motion: bool = True) -> "BvhFile":
        """Reads a BVH file and computes its forward kinematics.

        A joint's position is its parent's position plus its OFFSET turned by the parent's
        rotation. Position channels, where a joint has them, replace the OFFSET (as in Blender's
        importer). Rotations are in degrees, right-handed, and multiply in the channels' order.

        Args:
            content: The file's bytes.
            name: The file's name, for errors.
            motion: Whether to read the frames.

        Returns:
            The file's joints.

        Raises:
            UserError: The file is damaged or not in this format.
        """
        text = content.decode("latin1")
        head, mark, tail = text.partition("MOTION")
        if not mark:
            raise UserError("A BVH file must hold a hierarchy and MOTION", "no MOTION", name)
        joints = _parse_hierarchy(head.split(), name)
        frames, frame_seconds, numbers = _parse_motion(tail, name)
        positions = None
        if motion:
            width = sum(len(joint.channels) for joint in joints)
            # Writers differ in the last line break; the number of frames tells a cut file.
            table = read_number_table(f"{numbers.rstrip()}\n".encode("latin1"), width, name)
            if len(table) != frames:
                raise UserError(f"A BVH file must hold {frames} frames", len(table), name)
            positions = _forward_kinematics(joints, table)
        return cls(
            [joint.name for joint in joints],
            [joint.parent for joint in joints],
            frame_seconds,
            positions,
        )


@dataclass
class _Joint:
    name: str
    parent: int
    offset: np.ndarray | None = None
    channels: tuple[str, ...] = ()


def _parse_hierarchy(tokens: list[str], name: str) -> list[_Joint]:
    joints: list[_Joint] = []
    open_joints: list[int | None] = []  # None is an end site
    words = iter(tokens)
    try:
        if next(words).upper() != "HIERARCHY":
            raise ValueError("no HIERARCHY at the start")
        for word in words:
            if word.upper() in ("ROOT", "JOINT"):
                if (word.upper() == "ROOT") != (not joints) or (joints and not open_joints):
                    raise ValueError("a hierarchy without exactly one ROOT")
                joint_name, parent = next(words), open_joints[-1] if joints else -1
                if parent is None or len(joints) == _MOST_JOINTS:
                    raise ValueError("a joint below an end site, or too many")
                joints.append(_Joint(joint_name, parent))
                open_joints.append(len(joints) - 1)
                _expect(next(words), "{")
            elif word.upper() == "END":
                next(words)
                open_joints.append(None)
                _expect(next(words), "{")
            elif word.upper() == "OFFSET":
                offset = np.array([float(next(words)) for _ in range(3)])
                if not np.isfinite(offset).all():
                    raise ValueError("an OFFSET that is not finite")
                if open_joints[-1] is not None:
                    joints[open_joints[-1]].offset = offset
            elif word.upper() == "CHANNELS":
                count = int(next(words))
                if not 0 <= count <= 6:
                    raise ValueError(f"{count} channels of a joint")
                channels = tuple(next(words).lower() for _ in range(count))
                if open_joints[-1] is None:
                    raise ValueError("CHANNELS of an end site")
                joints[open_joints[-1]].channels = _checked(channels)
            else:
                _expect(word, "}")
                open_joints.pop()
        names = [joint.name for joint in joints]
        if open_joints or not joints or len(set(names)) != len(names):
            raise ValueError("a hierarchy not closed, or a joint named twice")
        if any(joint.offset is None for joint in joints):
            raise ValueError("a joint without OFFSET")
    except (ValueError, IndexError, TypeError, StopIteration, RuntimeError) as error:
        received = str(error) or "a cut hierarchy"
        raise UserError("A BVH hierarchy must be well formed", received, name) from error
    return joints


def _expect(word: str, wanted: str) -> None:
    if word != wanted:
        raise ValueError(f"{word[:40]!r} instead of {wanted!r}")


def _checked(channels: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(channels)) != len(channels) or set(channels) - {*_POSITIONS, *_ROTATIONS}:
        raise ValueError(f"channels {' '.join(channels)[:80]}")
    if len(set(channels) & set(_POSITIONS)) not in (0, 3):
        raise ValueError("some but not all position channels")
    return channels


def _parse_motion(text: str, name: str) -> tuple[int, float, str]:
    lines = text.lstrip().split("\n", 2)
    try:
        (first, frames), (second, seconds) = (line.split(":") for line in lines[:2])
        if first.strip().lower() != "frames" or second.strip().lower() != "frame time":
            raise ValueError("other words")
        count, step = int(frames), float(seconds)
        if count < 1 or not 1e-4 < step < 1.0:
            raise ValueError(f"{count} frames of {step:g} s")
    except ValueError as error:
        rule = "MOTION must start with Frames: and Frame Time: in seconds"
        raise UserError(rule, error, name) from error
    return count, step, lines[2] if len(lines) > 2 else ""


def _forward_kinematics(joints: list[_Joint], table: np.ndarray) -> np.ndarray:
    positions = np.zeros((len(table), len(joints), 3))
    rotations: list[Rotation] = []
    column = 0
    for index, joint in enumerate(joints):
        motion = dict(zip(joint.channels, table[:, column:].T, strict=False))
        column += len(joint.channels)
        assert joint.offset is not None  # `_parse_hierarchy` refuses a joint without one
        local = np.tile(joint.offset, (len(table), 1))
        if _POSITIONS[0] in motion:
            local = np.stack([motion[channel] for channel in _POSITIONS], axis=1)
        rotation = Rotation.identity(len(table))
        if joint.parent >= 0:
            rotation = rotations[joint.parent]
            local = positions[:, joint.parent] + rotation.apply(local)
        positions[:, index] = local
        turns = [channel for channel in joint.channels if channel in _ROTATIONS]
        if turns:
            order = "".join(channel[0] for channel in turns).upper()  # upper case: intrinsic
            degrees = np.stack([motion[channel] for channel in turns], axis=1)
            rotation = rotation * Rotation.from_euler(order, degrees, degrees=True)
        rotations.append(rotation)
    return positions
