"""Which part of a user's recording becomes the clip."""

import numpy as np

from data_prep.loaders.custom.clip import CustomClip
from data_prep.user_error import UserError

_TOLERANCE_SECONDS = 0.25  # cameras stop a few frames early
_ROUNDING = 1e-6


def custom_window(
    clip: CustomClip, seconds: np.ndarray, frame_seconds: np.ndarray | None, name: str
) -> tuple[float, float, tuple[str, ...]]:
    """Returns where the clip starts and ends.

    Without `start` or `end` in the manifest it is what both streams cover. With a skeleton it
    starts and ends on a frame, so that first sample and first frame coincide, and last and last.

    Args:
        clip: What the manifest says.
        seconds: (samples,) ascending from 0.
        frame_seconds: (frames,) on the same clock; None without a skeleton.
        name: The accelerometer's file and the row, for errors.

    Returns:
        Start and end in seconds, both included, and the note "trimmed_to_overlap" if a stream
        covers more than a quarter of a second that the other does not.

    Raises:
        UserError: The clip is not within its recording, or the streams share too little.
    """
    last = float(seconds[-1])
    step = last / (len(seconds) - 1)
    for bound, value in (("start", clip.start), ("end", clip.end)):
        if value is not None and value > last + step + _ROUNDING:
            rule = f"{bound} must not be beyond the recording"
            raise UserError(rule, f"{value:g} s of {last:.3f} s", name)
    start = clip.start or 0.0
    end = last if clip.end is None else min(clip.end, last)
    if frame_seconds is None:
        return start, end, ()
    first_frame, last_frame = float(frame_seconds[0]), float(frame_seconds[-1])
    for bound, value in (("start", clip.start), ("end", clip.end)):
        if value is not None and not (
            first_frame - _TOLERANCE_SECONDS <= value <= last_frame + _TOLERANCE_SECONDS
        ):
            rule = f"{bound} must be within the skeleton's recording"
            received = f"{value:g} s, where the frames last from {first_frame:.3f} to "
            raise UserError(rule, f"{received}{last_frame:.3f} s", name)
    inside = (frame_seconds >= start - _ROUNDING) & (frame_seconds <= end + _ROUNDING)
    if inside.sum() < 2:
        rule = "Accelerometer and skeleton must share at least 2 frames"
        received = f"{first_frame:.3f} to {last_frame:.3f} s and {start:.3f} to {end:.3f} s"
        raise UserError(rule, f"frames from {received}", name)
    differences = []
    if clip.start is None:
        differences.append(abs(first_frame))
    if clip.end is None:
        differences.append(abs(last_frame - last))
    trimmed = max(differences, default=0.0) > _TOLERANCE_SECONDS
    flags = ("trimmed_to_overlap",) if trimmed else ()
    first, final = frame_seconds[inside][[0, -1]]
    return max(float(first), 0.0), min(float(final), last), flags
