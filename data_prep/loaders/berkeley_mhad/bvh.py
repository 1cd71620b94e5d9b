"""Reading one BVH file of Berkeley MHAD."""

import numpy as np

from data_prep.raw.bvh_file import BvhFile
from data_prep.user_error import UserError

_RATE_HZ = 480.0  # the files print the frame time as 0.00208, which alone would be 0.16 % off
_RATE_TOLERANCE = 0.01
_START_AFTER_ACCELEROMETER = 0.05  # measured: 30 to 70 ms
_LARGEST_CM = 2000.0


def read_berkeley_mhad_bvh(
    content: bytes,
    name: str,
    joint_names: list[str],
    joint_parents: list[int],
    optical: bytes | None,
    accelerometer_start: float,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Reads the joints and puts the frames on the accelerometer's clock.

    A BVH file has no time stamps. Its first frame is taken to be the first of the optical file
    of the same clip, which is our assumption; without that file, 50 ms after the accelerometer's
    first sample, the middle of what optical files show.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.
        joint_names: The joints that all clips must have.
        joint_parents: Their parents.
        optical: The bytes of the clip's optical file, whose first line holds the start.
        accelerometer_start: Epoch seconds of the accelerometer's first sample.

    Returns:
        Epoch seconds float64 (frames,); float64 (frames, joints, 3) in metres, y up; and notes:
        "skeleton_clock_assumed" without the optical file.

    Raises:
        UserError: The file is damaged, or its joints differ.
    """
    motion = BvhFile.parse(content, name)
    if motion.joint_names != joint_names or motion.joint_parents != joint_parents:
        rule = "The joints of all BVH files must be the same"
        raise UserError(rule, f"{len(motion.joint_names)} joints, other names or order", name)
    largest = float(np.abs(motion.positions).max())
    if largest > _LARGEST_CM:
        rule = f"Joint positions must be in centimetres, up to {_LARGEST_CM:g}"
        raise UserError(rule, f"{largest:.4g}", name)
    rate = 1.0 / motion.frame_seconds
    if abs(rate / _RATE_HZ - 1.0) < _RATE_TOLERANCE:
        rate = _RATE_HZ
    start, flags = accelerometer_start + _START_AFTER_ACCELEROMETER, ("skeleton_clock_assumed",)
    if optical is not None:
        start, flags = _first_stamp(optical, name), ()
    return start + np.arange(len(motion.positions)) / rate, motion.positions / 100.0, flags


def _first_stamp(optical: bytes, name: str) -> float:
    line = optical[:10_000].partition(b"\n")[0].split()
    try:
        stamp = float(line[-1])
        if not 1e9 < stamp < 2e9:
            raise ValueError(f"{stamp:g}")
    except (ValueError, IndexError) as error:
        rule = "The optical file beside a BVH file must start with a line that ends in its stamp"
        raise UserError(rule, error, name) from error
    return stamp
