"""Reading and aligning the streams of one clip of a user's own recordings."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_prep.loaders.custom.accelerometer import CustomAccelerometer
from data_prep.loaders.custom.clip import CustomClip
from data_prep.loaders.custom.skeleton import clean_custom_skeleton, read_custom_skeleton
from data_prep.loaders.custom.window import custom_window
from data_prep.raw.raw_files import RawFile
from data_prep.skeletons.skeleton_layout import SkeletonLayout

_LONGEST_GAP_SECONDS = 0.5


@dataclass(frozen=True, eq=False)
class CustomRecording:
    """The streams of a clip, and what was measured on the way.

    Args:
        accelerometer: float32 (samples, 3) in g at the rate asked for.
        skeleton: float32 (frames, joints, 3) over the same time, or None.
        seconds: How long the clip is.
        stamp_rate_hz: One by the median step of the stamps; None without stamps.
        sources: Stream name -> (file, SHA-256).
        flags: Notes.
    """

    accelerometer: np.ndarray
    skeleton: np.ndarray | None
    seconds: float
    stamp_rate_hz: float | None
    sources: dict[str, tuple[str, str]]
    flags: tuple[str, ...]


def read_custom_recording(
    clip: CustomClip,
    files: Mapping[str, RawFile],
    layout: SkeletonLayout | None,
    rate_hz: float,
) -> CustomRecording:
    """Reads a clip's files whole and cuts the clip out of them.

    Both streams count their seconds from the first sample of the accelerometer; the skeleton's
    first frame comes `skeleton_offset` after it. Within the clip values may be missing for half a
    second.

    Args:
        clip: What the manifest says.
        files: "accelerometer", and "skeleton" where there is one.
        layout: The skeleton's joints; None without skeletons.
        rate_hz: Rate of the accelerometer to return.

    Returns:
        The streams.

    Raises:
        UserError: A file is damaged or is not what the manifest says; names the file and the row.
    """
    content, suffix, name, source = _read(files["accelerometer"], clip)
    whole = CustomAccelerometer.read(content, clip, suffix, name)
    sources = {"accelerometer": source}
    stamp_rate_hz = whole.typical_rate_hz if clip.accelerometer_stamp_column else None
    if layout is None or "skeleton" not in files:
        start, end, notes = custom_window(clip, whole.seconds, None, name)
        values, flags = whole.cut(start, end, rate_hz, _LONGEST_GAP_SECONDS)
        flags = (*flags, *notes, "no_skeleton")
        return CustomRecording(values, None, end - start, stamp_rate_hz, sources, flags)
    content, suffix, skeleton_name, sources["skeleton"] = _read(files["skeleton"], clip)
    skeleton = read_custom_skeleton(content, clip, layout, suffix, skeleton_name)
    if clip.skeleton_rate_hz is None:  # first sample and first frame coincide, and last and last
        frame_seconds = np.linspace(whole.seconds[0], whole.seconds[-1], len(skeleton))
    else:
        frame_seconds = clip.skeleton_offset + np.arange(len(skeleton)) / clip.skeleton_rate_hz
    start, end, notes = custom_window(clip, whole.seconds, frame_seconds, name)
    values, flags = whole.cut(start, end, rate_hz, _LONGEST_GAP_SECONDS)
    frame_rate_hz = 1.0 / float(frame_seconds[1] - frame_seconds[0])
    longest_run = max(1, round(_LONGEST_GAP_SECONDS * frame_rate_hz))
    inside = (frame_seconds >= start - 1e-6) & (frame_seconds <= end + 1e-6)
    skeleton, more = clean_custom_skeleton(
        skeleton[inside], clip.skeleton_unit, layout, longest_run, skeleton_name
    )
    flags = (*flags, *notes, *more)
    return CustomRecording(values, skeleton, end - start, stamp_rate_hz, sources, flags)


def _read(item: RawFile, clip: CustomClip) -> tuple[bytes, str, str, tuple[str, str]]:
    content = item.read()
    source = (item.name, hashlib.sha256(content).hexdigest())
    return content, item.path.suffix.lower(), f"{item.name}; {clip.place}", source
