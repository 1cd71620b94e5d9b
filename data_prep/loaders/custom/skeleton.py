"""Reading the skeleton of a user's own recording."""

import numpy as np

from data_prep.loaders.custom.clip import CustomClip
from data_prep.raw.read_columns import read_columns
from data_prep.signals.bridged_frames import bridge_frames
from data_prep.skeletons.body_scaled_pose import body_scaled_pose
from data_prep.skeletons.skeleton_layout import SkeletonLayout
from data_prep.user_error import UserError

_METRES_PER_UNIT = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}


def read_custom_skeleton(
    content: bytes, clip: CustomClip, layout: SkeletonLayout, suffix: str, name: str
) -> np.ndarray:
    """Reads the skeleton of a whole recording.

    A joint is lost in a frame where it is not finite, or at zero although it is elsewhere in
    other frames, as many trackers write it.

    Args:
        content: The file's bytes.
        clip: What the manifest says about it.
        layout: The joints of its columns: x, y, z of the first joint, of the second, ...
        suffix: Of the file.
        name: The file and the row of the manifest, for errors.

    Returns:
        float64 (frames, joints, 3) in the unit of the file, NaN where a joint is lost.

    Raises:
        UserError: The file is damaged or has another number of joints.
    """
    table = read_columns(content, suffix, name, clip.skeleton_columns, clip.skeleton_key)
    joints = len(layout.joint_names)
    if table.shape[1] != 3 * joints:
        rule = f"A skeleton of {joints} joints must have {3 * joints} columns"
        raise UserError(rule, table.shape[1], name)
    if len(table) < 2:
        raise UserError("A recording needs at least 2 frames", len(table), name)
    skeleton = table.reshape(len(table), joints, 3)
    at_zero = (skeleton[:, :, : layout.dimensions] == 0).all(axis=2)
    lost = at_zero & ~at_zero.all(axis=0)  # the root of a centred skeleton is always at zero
    lost |= ~np.isfinite(skeleton).all(axis=2)
    return np.where(lost[:, :, None], np.nan, skeleton)


def clean_custom_skeleton(
    skeleton: np.ndarray, unit: str, layout: SkeletonLayout, longest_run: int, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Converts the unit of a clip's skeleton and bridges lost joints.

    Args:
        skeleton: float64 (frames, joints, 3), NaN where a joint is lost.
        unit: "m", "cm" or "mm"; "px" of coco_17 in two dimensions, see `body_scaled_pose`.
        layout: Its joints.
        longest_run: For how many frames on end a joint may be lost.
        name: The file and the row of the manifest, for errors.

    Returns:
        float32 (frames, joints, 3) in metres (with two dimensions x, y and the confidence), and
        notes.

    Raises:
        UserError: A joint, or in pixels the person, is lost for longer.
    """
    lost = np.isnan(skeleton).any(axis=2)
    if unit == "px":
        # Here a lost joint is one without confidence; NaN means that nobody is there.
        pose = np.where(lost[:, :, None] & ~lost.all(axis=1)[:, None, None], 0.0, skeleton)
        scaled, flags = body_scaled_pose(pose, longest_run)
        if scaled is None:
            rule = f"A person must be seen, with shoulders and hips, but for {longest_run} frames"
            raise UserError(rule, ", ".join(flags), name)
        return scaled, flags
    values = skeleton.copy()
    values[:, :, : layout.dimensions] *= _METRES_PER_UNIT[unit]
    for joint in np.flatnonzero(lost.any(axis=0)):
        run = len(values)
        if not lost[:, joint].all():
            values[:, joint], run = bridge_frames(values[:, joint], lost[:, joint])
        if run > longest_run:
            rule = f"A joint may be lost for at most {longest_run} frames on end"
            raise UserError(rule, f"{layout.joint_names[joint]} for {run}", name)
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which check_clip names
        return values.astype(np.float32), ("joints_bridged",) if lost.any() else ()
