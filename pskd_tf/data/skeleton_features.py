"""The channels that every skeleton model reads."""

from collections.abc import Sequence

import numpy as np


def skeleton_features(
    joints: np.ndarray, joint_parents: Sequence[int], root_joint: int
) -> np.ndarray:
    """Derives root-centred joints, velocities and bones from joint positions.

    Args:
        joints: `(..., frames, joints, 3)`, in metres.
        joint_parents: Parent of each joint, -1 for the root.
        root_joint: Index of the joint that positions are centred on.

    Returns:
        `(..., frames, 9 * joints)` float32: positions from the root, change to the next frame
        (0 at the last one; it keeps the motion of the whole body), joint minus parent; metres.
        Source: ours.
    """
    joints = np.asarray(joints, np.float32)
    root = joints[..., root_joint : root_joint + 1, :]
    velocity = np.zeros_like(joints)
    velocity[..., :-1, :, :] = np.diff(joints, axis=-3)
    parents = [own if parent < 0 else parent for own, parent in enumerate(joint_parents)]
    bones = joints - joints[..., parents, :]
    channels = np.concatenate([joints - root, velocity, bones], axis=-1)
    return channels.reshape(*channels.shape[:-2], -1)
