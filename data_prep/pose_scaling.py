"""Poses in two dimensions, from pixels to metres by the length of the torso."""

import numpy as np

from data_prep.errors import UserError
from data_prep.signals import bridge_frames
from data_prep.skeletons import SkeletonLayout

_HEIGHT_METRES = 1.7  # of every person; the true height is not known
# From the hips' middle to the shoulders' in parts of the height: .818 - .530 (D. A. Winter,
# Biomechanics and Motor Control of Human Movement, segment lengths).
_TORSO = 0.288
_SEEN = 0.05  # below this confidence a joint counts as unseen
_CONFIDENT = 0.3


def torso_joints(layout: SkeletonLayout) -> list[int]:
    """Returns the indices of the left and right shoulder and of the left and right hip.

    Args:
        layout: The joints.

    Raises:
        UserError: The layout lacks one of them, so that poses cannot be scaled.
    """
    names = [joint.lower() for joint in layout.joint_names]
    wanted = [f"{side}_{part}" for part in ("shoulder", "hip") for side in ("left", "right")]
    missing = [name for name in wanted if name not in names]
    if missing:
        rule = f"A skeleton in px needs the joints {', '.join(wanted)}"
        raise UserError(rule, f"no {', '.join(missing)}")
    return [names.index(name) for name in wanted]


def body_scaled_pose(
    pose: np.ndarray, longest_run: int, layout: SkeletonLayout
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the pose in body-scaled metres, y up (ours).

    The scale of a clip makes the median length of its torso, in frames where shoulders and hips
    are confident, 0.288 of 1.7 m. It is the torso and not the body's height, because people also
    sit, crouch and stand behind desks. The origin is the median middle of the hips in the same
    frames. Unseen joints are bridged linearly in time; a joint never seen lies on its parent. The
    confidence stays as it is, 0 in a frame without the person.

    Args:
        pose: float64 (frames, joints, x y confidence), pixels, y down; NaN without the person.
        longest_run: How many frames on end may lack the person.
        layout: The joints, shoulders and hips among them.

    Returns:
        float32 (frames, joints, x y confidence) and the notes "frames_bridged" and
        "joints_bridged"; or None and the note "person_lost" if the person is away for longer or
        the torso is never seen.

    Raises:
        UserError: The layout lacks shoulders or hips.
    """
    torso_indices = torso_joints(layout)
    absent = np.isnan(pose).any(axis=(1, 2))
    if len(pose) < 2 or absent.all():
        return None, ("person_lost",)
    confidence = np.where(absent[:, None], 0.0, np.clip(np.nan_to_num(pose[:, :, 2]), 0.0, 1.0))
    shoulders = pose[:, torso_indices[:2], :2].mean(axis=1)
    hips = pose[:, torso_indices[2:], :2].mean(axis=1)
    torso = np.linalg.norm(shoulders - hips, axis=1)
    clear = (confidence[:, torso_indices] >= _CONFIDENT).all(axis=1)
    clear &= np.nan_to_num(torso) > 0
    _, longest = bridge_frames(pose, absent)
    if longest > longest_run or not clear.any():
        return None, ("person_lost",)
    scale = _HEIGHT_METRES * _TORSO / np.median(torso[clear])
    metres = (pose[:, :, :2] - np.median(hips[clear], axis=0)) * [scale, -scale]
    unseen = confidence < _SEEN
    places = _bridged(metres, unseen, layout, torso_indices[2])
    flags = ["frames_bridged"] if absent.any() else []
    if unseen[~absent].any():
        flags.append("joints_bridged")
    scaled = np.concatenate([places, confidence[:, :, None]], axis=2)
    return scaled.astype(np.float32), tuple(flags)


def _bridged(
    places: np.ndarray, unseen: np.ndarray, layout: SkeletonLayout, hip: int
) -> np.ndarray:
    """Fills unseen joints; a joint never seen takes the place of its nearest seen ancestor."""
    filled = np.empty_like(places)
    for joint in range(places.shape[1]):
        seen = joint
        while unseen[:, seen].all():
            parent = layout.joint_parents[seen]
            seen = hip if parent < 0 else parent  # the hips were seen
        filled[:, joint] = bridge_frames(places[:, seen], unseen[:, seen])[0]
    return filled
