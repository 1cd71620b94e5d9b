"""A pose in the pixels of an image, brought to the size of a body."""

import numpy as np

from data_prep.signals.bridged_frames import bridge_frames
from data_prep.skeletons.skeleton_layout import SkeletonLayout

_LAYOUT = SkeletonLayout.load("coco_17")
_SHOULDERS = [_LAYOUT.joint_names.index(f"{side}_shoulder") for side in ("left", "right")]
_HIPS = [_LAYOUT.joint_names.index(f"{side}_hip") for side in ("left", "right")]
_HEIGHT_METRES = 1.7  # everybody's; the true height is not known
# From the hips' middle to the shoulders' in parts of the height: .818 - .530 (D. A. Winter,
# Biomechanics and Motor Control of Human Movement, segment lengths).
_TORSO = 0.288
_SEEN = 0.05  # below this confidence the place of a joint means nothing
_CONFIDENT = 0.3


def body_scaled_pose(
    pose: np.ndarray, longest_run: int
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Returns the pose in body-scaled metres, y up (ours).

    The scale of a clip makes the median length of its torso, in frames where shoulders and hips
    are confident, 0.288 of 1.7 m. The torso and not the body's whole height, because people also
    sit, crouch and stand behind desks. The origin is the median middle of the hips in the same
    frames. Joints that were not seen are bridged linearly in time; those never seen lie on the
    joint that they hang on. Their confidence stays as it was, 0 for a frame without the person.

    Args:
        pose: float64 (frames, 17 joints, x y confidence), pixels, y down; NaN without the person.
        longest_run: How many frames on end may lack the person.

    Returns:
        float32 (frames, 17 joints, x y confidence) and the notes "frames_bridged" and
        "joints_bridged"; or None and the note "person_lost" if the person is away for longer or
        the torso is never seen.
    """
    absent = np.isnan(pose).any(axis=(1, 2))
    if len(pose) < 2 or absent.all():
        return None, ("person_lost",)
    confidence = np.where(absent[:, None], 0.0, np.clip(np.nan_to_num(pose[:, :, 2]), 0.0, 1.0))
    shoulders, hips = pose[:, _SHOULDERS, :2].mean(axis=1), pose[:, _HIPS, :2].mean(axis=1)
    torso = np.linalg.norm(shoulders - hips, axis=1)
    clear = (confidence[:, [*_SHOULDERS, *_HIPS]] >= _CONFIDENT).all(axis=1)
    clear &= np.nan_to_num(torso) > 0
    _, longest = bridge_frames(pose, absent)
    if longest > longest_run or not clear.any():
        return None, ("person_lost",)
    scale = _HEIGHT_METRES * _TORSO / np.median(torso[clear])
    metres = (pose[:, :, :2] - np.median(hips[clear], axis=0)) * [scale, -scale]
    unseen = confidence < _SEEN
    places = _bridged(metres, unseen)
    flags = ["frames_bridged"] if absent.any() else []
    if unseen[~absent].any():
        flags.append("joints_bridged")
    scaled = np.concatenate([places, confidence[:, :, None]], axis=2)
    return scaled.astype(np.float32), tuple(flags)


def _bridged(places: np.ndarray, unseen: np.ndarray) -> np.ndarray:
    """Fills unseen joints; a joint never seen takes the place of its nearest seen forebear."""
    filled = np.empty_like(places)
    for joint in range(places.shape[1]):
        seen = joint
        while unseen[:, seen].all():  # ends: the hips were seen, and the root is one of them
            seen = _LAYOUT.joint_parents[seen]
        filled[:, joint] = bridge_frames(places[:, seen], unseen[:, seen])[0]
    return filled
