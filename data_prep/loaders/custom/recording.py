"""One recording of a manifest: its streams, in common units and on one clock.

`read_custom_recording` cuts the clip out of both files, which `ReadFiles` reads once for all clips:
`custom_window` finds its start and end, `CustomAccelerometer.cut` resamples the accelerometer,
`clean_custom_skeleton` fills lost joints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.archives import RawFile
from data_prep.loaders.custom.accelerometer import single
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.custom.read_files import ReadFiles
from data_prep.pose_scaling import body_scaled_pose
from data_prep.sample_notes import has_jump, has_repeated_sample, has_spike, is_disordered
from data_prep.signals import bridge_frames
from data_prep.skeletons import SkeletonLayout
from data_prep.stamps import order_of_stamps


@dataclass(frozen=True, eq=False)
class CustomRecording:
    """The streams of a clip, and measures of them.

    Args:
        accelerometer: float32 (samples, 3) in g at the rate of the prepared set, or None.
        skeleton: float32 (frames, joints, 3) over the same time, or None.
        seconds: How long the clip is.
        stamp_rate_hz: One by the median step of the stamps; None without stamps.
        sources: Stream name -> (file, SHA-256).
        flags: Notes.
        gaps: Start and end, in seconds from the clip's first sample, of each stretch in which the
            file has no sample where several should be.
        gyroscope: float32 (samples, 3) in degrees per second, taken with the acceleration, or None.
    """

    accelerometer: np.ndarray | None
    skeleton: np.ndarray | None
    seconds: float
    stamp_rate_hz: float | None
    sources: dict[str, tuple[str, str]]
    flags: tuple[str, ...]
    gaps: tuple[tuple[float, float], ...] = ()
    gyroscope: np.ndarray | None = None


def read_custom_recording(
    clip: CustomClip,
    files: Mapping[str, RawFile],
    layout: SkeletonLayout | None,
    rate_hz: float,
    longest_gap_seconds: float,
    read_files: ReadFiles,
) -> CustomRecording:
    """Reads a clip's files whole, unless an earlier clip has, and cuts the clip out of them.

    Both streams count their seconds from the first sample of the accelerometer; the skeleton's
    first frame comes `skeleton_offset` after it. A skeleton alone counts from its first frame.

    Args:
        clip: The row of the manifest.
        files: "accelerometer", "skeleton" or both.
        layout: The skeleton's joints; None without skeletons.
        rate_hz: Rate of the accelerometer to return.
        longest_gap_seconds: For how long samples or a joint may be missing within the clip.
        read_files: What earlier clips have read; changed.

    Returns:
        The streams.

    Raises:
        UserError: A file is damaged or differs from the manifest; names the file and the row.
    """
    if "accelerometer" not in files and layout is not None:
        return _skeleton_alone(clip, files["skeleton"], layout, longest_gap_seconds, read_files)
    name = f"{files['accelerometer'].name}; {clip.place}"
    whole, source = read_files.accelerometer(files["accelerometer"], clip)
    sources = {"accelerometer": source}
    if clip.gyroscope_columns:
        sources["gyroscope"] = source
    clip = _from_first_sample(clip, whole.first_stamp, name)
    stamp_rate_hz = whole.typical_rate_hz if clip.accelerometer_stamp_column else None
    if layout is None or "skeleton" not in files:
        start, end, notes = custom_window(clip, whole.seconds, None, name)
        values, flags = whole.cut(start, end, rate_hz, longest_gap_seconds)
        flags = (*flags, *notes, "no_skeleton")
        gaps = whole.gaps(start, end)
        return CustomRecording(
            *(values[:, :3], None, end - start, stamp_rate_hz, sources, flags, gaps),
            gyroscope=_turn_rates(values),
        )
    skeleton_name = f"{files['skeleton'].name}; {clip.place}"
    found, sources["skeleton"] = read_files.skeleton(files["skeleton"], clip, layout)
    clip = found.completed(clip, skeleton_name)
    skeleton = found.joints
    if found.stamps is not None:
        if whole.first_stamp is None:
            rule = "Frames with stamps need an accelerometer with stamps of the same clock"
            raise UserError(rule, "none", name)
        seconds = found.stamps - whole.first_stamp + clip.skeleton_offset
        skeleton, frame_seconds = even_frames(
            seconds, skeleton, clip.skeleton_rate_hz, longest_gap_seconds, skeleton_name
        )
    elif clip.skeleton_rate_hz is None:  # first sample and first frame coincide, and last and last
        frame_seconds = np.linspace(whole.seconds[0], whole.seconds[-1], len(skeleton))
    else:
        frame_seconds = clip.skeleton_offset + np.arange(len(skeleton)) / clip.skeleton_rate_hz
    start, end, notes = custom_window(clip, whole.seconds, frame_seconds, name)
    values, flags = whole.cut(start, end, rate_hz, longest_gap_seconds)
    frame_rate_hz = 1.0 / float(frame_seconds[1] - frame_seconds[0])
    longest_run = max(1, round(longest_gap_seconds * frame_rate_hz))
    inside = (frame_seconds >= start - 1e-6) & (frame_seconds <= end + 1e-6)
    skeleton, more = clean_custom_skeleton(
        skeleton[inside], clip.skeleton_unit, layout, longest_run, skeleton_name
    )
    flags = (*flags, *notes, *more, *found.flags)
    gaps = whole.gaps(start, end)
    return CustomRecording(
        *(values[:, :3], skeleton, end - start, stamp_rate_hz, sources, flags, gaps),
        gyroscope=_turn_rates(values),
    )


def _turn_rates(values: np.ndarray) -> np.ndarray | None:
    return values[:, 3:] if values.shape[1] > 3 else None


def _skeleton_alone(
    clip: CustomClip,
    file: RawFile,
    layout: SkeletonLayout,
    longest_gap_seconds: float,
    read_files: ReadFiles,
) -> CustomRecording:
    name = f"{file.name}; {clip.place}"
    found, source = read_files.skeleton(file, clip, layout)
    clip = found.completed(clip, name)
    joints, rate_hz = found.joints, clip.skeleton_rate_hz
    if found.stamps is not None:
        seconds = found.stamps - found.stamps.min()
        joints, seconds = even_frames(seconds, joints, rate_hz, longest_gap_seconds, name)
    else:
        if rate_hz is None:
            raise UserError("A skeleton alone needs a skeleton_rate_hz", "none", name)
        seconds = np.arange(len(joints)) / rate_hz
    start, last = clip.start or 0.0, float(seconds[-1])
    end = last if clip.end is None else clip.end
    inside = (seconds >= start - _ROUNDING) & (seconds <= end + _ROUNDING)
    if inside.sum() < 2:
        rule = "A clip needs at least 2 frames"
        raise UserError(rule, f"from {start:g} to {end:g} s of {last:.3f} s", name)
    longest_run = max(1, round(longest_gap_seconds / float(seconds[1] - seconds[0])))
    skeleton, flags = clean_custom_skeleton(
        joints[inside], clip.skeleton_unit, layout, longest_run, name
    )
    flags = (*flags, "no_accelerometer", *found.flags)
    length = float(np.ptp(seconds[inside]))
    return CustomRecording(None, skeleton, length, None, {"skeleton": source}, flags)


_LEAST_EPOCH_SECONDS = 1e8  # 1973


def _from_first_sample(clip: CustomClip, first_stamp: float | None, name: str) -> CustomClip:
    """Returns the clip with start and end from the first sample, where they count from 1970."""
    if max(clip.start or 0.0, clip.end or 0.0) < _LEAST_EPOCH_SECONDS:
        return clip
    if first_stamp is None or first_stamp < _LEAST_EPOCH_SECONDS:
        rule = "Annotations since 1970 need stamps since 1970"
        received = "none" if first_stamp is None else f"stamps from {first_stamp:g} s on"
        raise UserError(rule, received, name)

    def since_first(value: float | None) -> float | None:
        if value is None or value < _LEAST_EPOCH_SECONDS:
            return value
        if value < first_stamp - _EPOCH_ROUNDING:
            rule = "start and end must not be before the recording"
            raise UserError(rule, f"{first_stamp - value:.3f} s before it", name)
        return max(0.0, value - first_stamp)

    return replace(clip, start=since_first(clip.start), end=since_first(clip.end))


_EPOCH_ROUNDING = 1e-3  # seconds since 1970 are often written in milliseconds
_TOLERANCE_SECONDS = 0.25  # cameras stop a few frames early
_ROUNDING = 1e-6


def custom_window(
    clip: CustomClip, seconds: np.ndarray, frame_seconds: np.ndarray | None, name: str
) -> tuple[float, float, tuple[str, ...]]:
    """Returns where the clip starts and ends.

    Without `start` or `end` in the manifest it is what both streams cover. With a skeleton it
    starts and ends on a frame, so that first sample and first frame coincide, and last and last.

    Args:
        clip: The row of the manifest.
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


_FRAME_RATES_HZ = (1.0, 1000.0)


def even_frames(
    seconds: np.ndarray,
    skeleton: np.ndarray,
    rate_hz: float | None,
    longest_gap_seconds: float,
    name: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Reads the straight line between neighbouring frames at evenly spaced times (ours).

    Args:
        seconds: (frames,) when each frame was taken.
        skeleton: (frames, joints, 3), NaN where a joint is lost.
        rate_hz: Frames a second to return; None takes that of the usual step.
        longest_gap_seconds: Over a longer gap all joints are lost.
        name: The file and the row of the manifest, for errors.

    Returns:
        float64 (new frames, joints, 3), a joint lost where it is in a neighbouring frame, and
        float64 (new frames,) seconds.

    Raises:
        UserError: The stamps cannot be sorted, or come too slowly or too fast for a camera.
    """
    order, _ = order_of_stamps(seconds, name)
    seconds, skeleton = seconds[order], skeleton[order]
    is_new = np.diff(seconds, prepend=-np.inf) > 0
    seconds, skeleton = seconds[is_new], skeleton[is_new]
    if len(seconds) < 2:
        raise UserError("The stamps of frames must differ", "the same in all frames", name)
    usual = 1.0 / float(np.median(np.diff(seconds)))
    if not _FRAME_RATES_HZ[0] <= usual <= _FRAME_RATES_HZ[1]:
        rule = "Frames must come at 1 to 1000 a second; is the unit of their stamps right"
        raise UserError(rule, f"{len(seconds)} over {np.ptp(seconds):.6g} s", name)
    count = int((seconds[-1] - seconds[0]) * (rate_hz or usual) + 1e-6) + 1
    times = seconds[0] + np.arange(count) / (rate_hz or usual)
    right = np.clip(np.searchsorted(seconds, times), 1, len(seconds) - 1)
    weight = (times - seconds[right - 1]) / (seconds[right] - seconds[right - 1])
    weight = np.clip(weight, 0.0, 1.0)[:, None, None]
    # Not even a NaN passes from a frame of weight 0.
    before = np.where(weight < 1, skeleton[right - 1] * (1 - weight), 0.0)
    after = np.where(weight > 0, skeleton[right] * weight, 0.0)
    even = before + after
    within = (times > seconds[right - 1]) & (times < seconds[right])
    even[within & (seconds[right] - seconds[right - 1] > longest_gap_seconds)] = np.nan
    return even, times


_METRES_PER_UNIT = {"m": 1.0, "cm": 1e-2, "mm": 1e-3}


def clean_custom_skeleton(
    skeleton: np.ndarray, unit: str, layout: SkeletonLayout, longest_run: int, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Converts the unit of a clip's skeleton and bridges lost joints.

    Args:
        skeleton: float64 (frames, joints, 3), NaN where a joint is lost.
        unit: "m", "cm" or "mm"; "px" in two dimensions, see `body_scaled_pose`.
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
        # Here a lost joint is one without confidence; NaN stands for a frame without a person.
        pose = np.where(lost[:, :, None] & ~lost.all(axis=1)[:, None, None], 0.0, skeleton)
        try:
            scaled, flags = body_scaled_pose(pose, longest_run, layout)
        except UserError as error:
            raise UserError(error.rule, error.received, name) from error
        if scaled is None:
            rule = (
                "A person must be seen, with shoulders and hips, in all but "
                f"{longest_run} frames in a row"
            )
            raise UserError(rule, ", ".join(flags), name)
        return scaled, (*flags, *_frame_notes(scaled[:, :, :2]))
    values = skeleton.copy()
    values[:, :, : layout.dimensions] *= _METRES_PER_UNIT[unit]
    for joint in np.flatnonzero(lost.any(axis=0)):
        run = len(values)
        if not lost[:, joint].all():
            values[:, joint], run = bridge_frames(values[:, joint], lost[:, joint])
        if run > longest_run:
            rule = f"A joint may be lost for at most {longest_run} frames on end"
            raise UserError(rule, f"{layout.joint_names[joint]} for {run}", name)
    flags = ("joints_bridged",) if lost.any() else ()
    return single(values), (*flags, *_frame_notes(values[:, :, : layout.dimensions]))


_LEAST_VARIANCE = 1e-4  # m^2 of a joint


def _frame_notes(joints: np.ndarray) -> tuple[str, ...]:
    found = {
        "joint_spikes": has_spike(joints),
        "joints_jump": has_jump(joints),
        "frames_disordered": is_disordered(joints, _LEAST_VARIANCE * joints.shape[1]),
        "frames_repeated": has_repeated_sample(joints),
    }
    return tuple(note for note, is_so in found.items() if is_so)
