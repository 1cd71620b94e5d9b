"""Reading SmartFallMM's skeletons: 32 joints of an Azure Kinect in each row."""

import numpy as np

from data_prep.raw.whole_lines import whole_lines
from data_prep.signals.bridged_frames import bridge_frames
from data_prep.user_error import UserError

_NUM_JOINTS = 32
_LARGEST_SHARE_MISSING = 0.1  # ours, as for the rows of the sensors
_LONGEST_RUN = 15  # frames; half a second
_LARGEST_MILLIMETRES = 20_000.0  # the camera sees a body up to about 5 m away
_LONGEST_REACH = 2_000.0  # mm; no joint is further from the pelvis, the first joint


def read_smartfallmm_skeleton(content: bytes, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the skeleton of one file in metres, y up.

    The camera's y points down and its z away from it; both are turned about x, so that left stays
    left (turning y alone would mirror the body). Rows that hold no body (another number of columns,
    text, NaN, all zero, a joint over 20 m away or over 2 m from the pelvis) are bridged linearly.

    Args:
        content: The file's bytes: 96 columns without a header, millimetres, 30 rows a second.
        name: The file's name, for errors.

    Returns:
        float32 (frames, 32 joints, 3) in metres, and the notes "frames_bridged" where rows
        were and "skeleton_cut" where the last row, without its line break, was left out.

    Raises:
        UserError: The file is empty or has one row, other columns, more than a tenth of its rows
            or more than half a second on end without a body.
    """
    lines, is_cut = whole_lines(content)
    if len(lines) < 2:
        raise UserError("A skeleton file needs at least 2 rows", len(lines), name)
    size = 3 * _NUM_JOINTS
    rows = [line.split(",") for line in lines]
    other = [len(cells) for cells in rows if len(cells) != size]
    if 2 * len(other) > len(rows):
        received = f"{max(set(other), key=other.count)} columns"
        raise UserError(f"A skeleton's row must hold {size} columns", received, name)
    values = np.stack([_row(cells, size) for cells in rows])
    missing = ~_has_body(values)
    if missing.sum() > _LARGEST_SHARE_MISSING * len(rows):
        rule = f"At most {_LARGEST_SHARE_MISSING:.0%} of a skeleton's rows may hold no body"
        raise UserError(rule, f"{missing.sum()} of {len(rows)}", name)
    values, longest = bridge_frames(values, missing)
    if longest > _LONGEST_RUN:
        rule = f"A skeleton may lack its body for at most {_LONGEST_RUN} rows on end"
        raise UserError(rule, longest, name)
    flags = ["frames_bridged"] * bool(missing.any()) + ["skeleton_cut"] * is_cut
    metres = values.reshape(len(rows), _NUM_JOINTS, 3) * [1e-3, -1e-3, -1e-3]
    return metres.astype(np.float32), tuple(flags)


def _has_body(values: np.ndarray) -> np.ndarray:
    is_near = np.abs(values).max(axis=1) <= _LARGEST_MILLIMETRES  # False for NaN
    joints = np.where(is_near[:, None], values, 0.0).reshape(len(values), _NUM_JOINTS, 3)
    reach = np.linalg.norm(joints - joints[:, :1], axis=2).max(axis=1)
    return is_near & values.any(axis=1) & (reach <= _LONGEST_REACH)


def _row(cells: list[str], size: int) -> np.ndarray:
    """Returns the numbers of a row; all NaN if they are none."""
    try:
        if len(cells) != size or any("_" in cell for cell in cells):
            raise ValueError
        return np.array([float(cell) for cell in cells])
    except ValueError:
        return np.full(size, np.nan)
