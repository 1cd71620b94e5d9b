"""The skeleton of a whole recording: tables of joints, files of markers and of bodies."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.body_files import read_ntu_skeleton, read_openpose
from data_prep.formats.bvh import BvhFile
from data_prep.formats.marker_files import (
    MotionFile,
    is_vicon_csv,
    read_c3d,
    read_trc,
    read_vicon_csv,
)
from data_prep.formats.tables import read_columns
from data_prep.formats.text_tables import TEXT_SUFFIXES, did_you_mean, read_text_table
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.custom.raw_samples import SECONDS_PER_UNIT, text_stamps
from data_prep.skeletons import SkeletonLayout


@dataclass(frozen=True, eq=False)
class CustomSkeleton:
    """The skeleton of a whole recording.

    Args:
        joints: float64 (frames, joints, 3) in the unit of the file, NaN where a joint is lost.
        is_cut: Whether the file's last line, which may be cut, was left out.
        stamps: float64 (frames,) in seconds on the logger's clock; None without stamps.
        rate_hz: Frames a second by the file, None if it does not tell.
        unit: By the file; "" if it does not tell.
        notes: Flags of the clips.
    """

    joints: np.ndarray
    is_cut: bool
    stamps: np.ndarray | None = None
    rate_hz: float | None = None
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """The notes, "skeleton_cut" among them where a last frame was left out."""
        return (*self.notes, *(("skeleton_cut",) if self.is_cut else ()))

    def completed(self, clip: CustomClip, name: str) -> CustomClip:
        """Returns the clip with the rate and the unit that the file tells.

        Args:
            clip: The row of the manifest.
            name: The file and the row of the manifest, for errors.

        Raises:
            UserError: The manifest states others, or neither tells the unit.
        """
        rate_hz, unit = clip.skeleton_rate_hz or self.rate_hz, clip.skeleton_unit or self.unit
        if self.rate_hz and rate_hz and abs(rate_hz / self.rate_hz - 1) > _RATE_TOLERANCE:
            rule = f"skeleton_rate_hz must be empty or that of the file, {self.rate_hz:g}"
            raise UserError(rule, f"{rate_hz:g}", name)
        if self.unit and unit != self.unit:
            rule = f"skeleton_unit must be empty or that of the file, {self.unit}"
            raise UserError(rule, unit, name)
        if not unit:
            rule = "This form tells no unit: skeleton_unit must be m, cm or mm"
            raise UserError(rule, "an empty cell", name)
        return replace(clip, skeleton_rate_hz=rate_hz, skeleton_unit=unit)


_RATE_TOLERANCE = 0.01


def read_custom_skeleton(
    content: bytes, clip: CustomClip, layout: SkeletonLayout, suffix: str, name: str
) -> CustomSkeleton:
    """Reads the skeleton of a whole recording.

    A joint is lost in a frame where it is not finite, or at zero although it is elsewhere in
    other frames, as many trackers write it.

    Args:
        content: The file's bytes.
        clip: The row of the manifest.
        layout: The joints. A table has x, y, z of the first joint, of the second, ...; of a file
            with names the joints are taken by name.
        suffix: Of the file; "" for a folder of frames.
        name: The file and the row of the manifest, for errors.

    Returns:
        The skeleton.

    Raises:
        UserError: The file is damaged or lacks a joint.
    """
    motion = read_motion(content, suffix, clip.skeleton_key, name)
    if motion is not None:
        found = _of_motion(motion, clip, layout, name)
    else:
        table = read_columns(content, suffix, name, clip.skeleton_columns, clip.skeleton_key)
        joints = len(layout.joint_names)
        if table.shape[1] != 3 * joints:
            rule = f"A skeleton of {joints} joints must have {3 * joints} columns"
            raise UserError(rule, table.shape[1], name)
        is_cut = suffix in TEXT_SUFFIXES and not content.endswith((b"\n", b"\r"))
        stamps = _frame_stamps(content, clip, suffix, name)
        found = CustomSkeleton(table.reshape(len(table), joints, 3), is_cut, stamps)
    skeleton = found.joints
    if len(skeleton) < 2:
        raise UserError("A recording needs at least 2 frames", len(skeleton), name)
    at_zero = (skeleton[:, :, : layout.dimensions] == 0).all(axis=2)
    lost = at_zero & ~at_zero.all(axis=0)  # the root of a centred skeleton is always at zero
    lost |= ~np.isfinite(skeleton).all(axis=2)
    return replace(found, joints=np.where(lost[:, :, None], np.nan, skeleton))


def _read_bvh(content: bytes, name: str) -> MotionFile:
    found = BvhFile.parse(content, name)
    assert found.positions is not None
    # Writers differ in the last line break, but a number that is cut off is still a number.
    is_cut = not content.endswith((b"\n", b"\r"))
    positions = found.positions[:-1] if is_cut else found.positions
    return MotionFile(tuple(found.joint_names), positions, 1 / found.frame_seconds, is_cut=is_cut)


_Reader = Callable[[bytes, str, str], MotionFile]
_MOTION_READERS: Mapping[str, _Reader] = MappingProxyType(
    {
        ".trc": lambda content, _, name: read_trc(content, name),
        ".c3d": lambda content, _, name: read_c3d(content, name),
        ".bvh": lambda content, _, name: _read_bvh(content, name),
        ".skeleton": read_ntu_skeleton,
        ".csv": lambda content, _, name: read_vicon_csv(content, name),
        ".json": lambda content, _, name: read_openpose(content, name),
        "": lambda content, _, name: read_openpose(content, name),
    }
)


def read_motion(content: bytes, suffix: str, key: str, name: str) -> MotionFile | None:
    """Returns the named points of a file of motion capture or of a camera; None for a table.

    Args:
        content: The file's bytes.
        suffix: Of the file; "" for a folder of frames.
        key: Which body, where a file holds several.
        name: The file's name, for errors.

    Raises:
        UserError: The file is damaged.
    """
    if suffix not in _MOTION_READERS or (suffix == ".csv" and not is_vicon_csv(content)):
        return None
    return _MOTION_READERS[suffix](content, key, name)


def _of_motion(
    motion: MotionFile, clip: CustomClip, layout: SkeletonLayout, name: str
) -> CustomSkeleton:
    if clip.skeleton_stamp_column:
        rule = "skeleton_stamp_column goes with a table alone"
        raise UserError(rule, clip.skeleton_stamp_column, name)
    if motion.dimensions != layout.dimensions:
        rule = f"The file's points have {motion.dimensions} dimensions, and so must skeleton_layout"
        raise UserError(rule, layout.dimensions, name)
    wanted = clip.skeleton_columns or layout.joint_names
    joints = len(layout.joint_names)
    if len(wanted) != joints:
        rule = f"skeleton_columns must name a point for each of the {joints} joints"
        raise UserError(rule, len(wanted), name)
    known = {_plain(point): index for index, point in enumerate(motion.names)}
    missing = [point for point in wanted if _plain(point) not in known]
    if missing:
        rule = "The points must be named as the layout's joints, or skeleton_columns must name them"
        received = f"no {missing[0]}{did_you_mean(missing[0], motion.names)} among "
        raise UserError(rule, f"{received}{', '.join(motion.names)[:200]}", name)
    chosen = motion.positions[:, [known[_plain(point)] for point in wanted]]
    return CustomSkeleton(chosen, motion.is_cut, None, motion.rate_hz, motion.unit, motion.notes)


def _plain(point: str) -> str:
    """Returns letters and digits alone, so that "LeftWrist" is "left_wrist"."""
    return re.sub(r"[\W_]+", "", point).lower()


def _frame_stamps(content: bytes, clip: CustomClip, suffix: str, name: str) -> np.ndarray | None:
    """Returns float64 (frames,) in seconds, None if the manifest names no stamps."""
    column, unit = clip.skeleton_stamp_column, clip.skeleton_stamp_unit
    if not column:
        return None
    if unit in ("iso", "clock"):
        if suffix not in TEXT_SUFFIXES:
            raise UserError("Stamps of an array must be numbers", unit, name)
        table = read_text_table(content, name)
        (index,) = table.indices([column])
        stamps, _, errors = text_stamps(table, index, unit)
        if errors:
            raise errors[min(errors)]
    else:
        stamps = read_columns(content, suffix, name, [column], clip.skeleton_key)[:, 0]
        stamps = stamps * SECONDS_PER_UNIT[unit]
    if not np.isfinite(stamps).all():
        frame = int(np.flatnonzero(~np.isfinite(stamps))[0])
        raise UserError("Time stamps must be finite", f"not so in frame {frame}", name)
    return stamps
