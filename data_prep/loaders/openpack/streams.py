"""The streams of a session of OpenPack: a worn sensor, and the worker's pose in 3-D or 2-D.

Each file holds a whole session of about half an hour; `cut` takes the seconds of one operation.
"""

import math
from dataclasses import dataclass

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.coco_poses import check_coco_units, coco_person, json_kind, read_pose_json
from data_prep.formats.tables import check_usable_rows, read_columns
from data_prep.loaders.spans import check_covered
from data_prep.pose_scaling import body_scaled_pose
from data_prep.skeletons import SkeletonLayout
from data_prep.stamps import sort_stamps
from data_prep.stream_pairs import StampedStream

RATE_HZ = 30.0
RANGE_G = 16.0  # the widest setting of an ATR TSND151
FRAMES_A_SECOND = 15.0
LAYOUTS = {
    "kinect_3d": SkeletonLayout.load("azure_kinect_32"),
    "kinect_2d": SkeletonLayout.load("coco_17"),
}
_SENSOR_COLUMNS = (
    "unixtime",
    *(f"{kind}_{axis}" for kind in ("acc", "gyro") for axis in "xyz"),
)
_LARGEST_STAMP = 1e15  # milliseconds since 1970 have 13 digits
_LARGEST = (40.0, 4000.0)  # g, deg/s; twice the range of any worn sensor
_POSE_COLUMNS = (
    "unixtime",
    *(f"J{joint:02d}_P{axis}" for joint in range(32) for axis in range(3)),
)
_TO_METRES_Y_UP = np.array([1e-3, -1e-3, -1e-3])  # half a turn about x: left stays left
_LARGEST_METRES = 20.0
_LONGEST_LOST_SECONDS = 0.5
_NOTED_GAP_SECONDS = 0.1


@dataclass(frozen=True, eq=False)
class SensorRecording:
    """A worn sensor over a whole session.

    Args:
        stamps: float64 (rows,) seconds since 1970.
        values: float64 (rows, 6): acceleration in g, turn rate in deg/s.
        is_usable: bool (rows,) whether stamp and values are numbers that a sensor can measure.
    """

    stamps: np.ndarray
    values: np.ndarray
    is_usable: np.ndarray

    @classmethod
    def read(cls, content: bytes, name: str) -> "SensorRecording":
        """Reads a session's file.

        Args:
            content: The file's bytes: a csv file with the columns unixtime (ms), acc_x to acc_z,
                gyro_x to gyro_z.
            name: The file's name, for errors.

        Raises:
            UserError: The file is damaged or lacks a column, or more than a tenth of its rows are
                unusable.
        """
        table = read_columns(content, ".csv", name, _SENSOR_COLUMNS)
        limits = np.array([_LARGEST_STAMP, *np.repeat(_LARGEST, 3)])
        stamped = np.abs(table[:, 0]) <= _LARGEST_STAMP  # not so for NaN
        usable = np.asarray((np.abs(table) <= limits).all(axis=1))
        usable &= table[:, 1:4].any(axis=1)  # a lost sample: a sensor always has its noise
        if len(table) > 1 and table[0, 0] >= table[1, 0]:
            usable[0] = False  # the first stamp of a known file is wrong
        check_usable_rows(usable, name)
        rows = np.arange(len(table))
        stamps = np.interp(rows, rows[stamped], table[stamped, 0] / 1000.0)
        return cls(stamps, table[:, 1:], usable)

    def cut(
        self, start: float, end: float, longest_gap_seconds: float, name: str
    ) -> tuple[StampedStream, tuple[str, ...]]:
        """Returns the samples of some seconds, and notes.

        Args:
            start: Seconds since 1970.
            end: Seconds since 1970.
            longest_gap_seconds: A longer gap, or a later start or earlier end, makes them bad.
            name: The file and the operation, for errors.

        Raises:
            UserError: The sensor does not cover these seconds, or its stamps cannot be sorted.
        """
        inside = (self.stamps >= start) & (self.stamps <= end)
        usable = inside & self.is_usable
        check_covered(self.stamps[usable], start, end, longest_gap_seconds, name)
        stamps, values, flags = sort_stamps(self.stamps[usable], self.values[usable], name)
        if (inside & ~usable).any():
            flags = ("rows_dropped", *flags)
        if np.diff(stamps).max(initial=0.0) > _NOTED_GAP_SECONDS:
            flags = (*flags, "gaps_bridged")
        return StampedStream(stamps, values, RATE_HZ, longest_gap_seconds, name), flags


@dataclass(frozen=True, eq=False)
class PoseRecording:
    """The worker's pose over a whole session.

    Args:
        stamps: float64 (frames,) ascending, seconds since 1970; only frames with the worker.
        joints: (frames, joints, 3): metres, y up; of a 2-D pose pixels, y down, and a confidence.
        is_2d: Whether the pose has two dimensions.
        name: The file's name.
        flags: Notes on the session.
    """

    stamps: np.ndarray
    joints: np.ndarray
    is_2d: bool
    name: str
    flags: tuple[str, ...]

    @classmethod
    def read(cls, content: bytes, name: str, source: str) -> "PoseRecording":
        """Reads a session's file.

        The worker is alone in these files. Where a stamp comes twice, its first frame counts.

        Args:
            content: The file's bytes. "kinect_3d": a csv file with the columns unixtime (ms) and
                J00_P0 to J31_P2 (mm; x right, y down, z away from the camera). "kinect_2d": JSON in
                the form of COCO, each annotation with image_id (ms) and 17 keypoints (px).
            name: The file's name, for errors.
            source: One of `LAYOUTS`.

        Raises:
            UserError: The file is damaged, or lacks a column or a joint.
        """
        is_2d = source == "kinect_2d"
        if is_2d:
            stamps, joints = _read_annotations(content, name)
            seen = np.abs(stamps) <= _LARGEST_STAMP
        else:
            table = read_columns(content, ".csv", name, _POSE_COLUMNS)
            stamps = table[:, 0]
            joints = table[:, 1:].reshape(len(table), -1, 3) * _TO_METRES_Y_UP
            seen = (np.abs(joints) <= _LARGEST_METRES).all(axis=(1, 2))  # not so for NaN
            seen &= joints.any(axis=(1, 2)) & (np.abs(stamps) <= _LARGEST_STAMP)
        ascending, first = np.unique(stamps[seen], return_index=True)
        flags = ("repeated_frames_dropped",) if len(first) < seen.sum() else ()
        joints = joints[seen][first].astype(np.float32)
        return cls(ascending / 1000.0, joints, is_2d, name, flags)

    def cut(self, start: float, end: float) -> tuple[StampedStream | None, tuple[str, ...]]:
        """Returns the frames of some seconds, up to half a second around them, and notes.

        None and the note "person_lost" where the worker is away for over half a second on end, or
        a 2-D pose never shows the torso.

        Args:
            start: Seconds since 1970.
            end: Seconds since 1970.
        """
        near = (self.stamps >= start - _LONGEST_LOST_SECONDS) & (
            self.stamps <= end + _LONGEST_LOST_SECONDS
        )
        stamps, joints = self.stamps[near], self.joints[near].astype(np.float64)
        if len(stamps) < 2:
            return None, ("person_lost",)
        longest = max(float(np.diff(stamps).max()), stamps[0] - start, end - stamps[-1])
        if longest > _LONGEST_LOST_SECONDS:
            return None, ("person_lost",)
        flags = self.flags
        if self.is_2d:
            scaled, notes = body_scaled_pose(joints, len(joints), LAYOUTS["kinect_2d"])
            if scaled is None:
                return None, notes
            joints, flags = scaled, flags + notes
        if longest > _NOTED_GAP_SECONDS:
            flags = (*flags, "frames_bridged")
        return StampedStream(stamps, joints, FRAMES_A_SECOND, math.inf, self.name), flags


def _read_annotations(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the stamps of the frames, (frames,) in ms, and their poses, (frames, 17, 3)."""
    value = read_pose_json(content, name)
    annotations = value.get("annotations") if isinstance(value, dict) else None
    if not isinstance(annotations, list) or not annotations:
        raise UserError("A 2-D pose must hold a list of annotations", json_kind(value), name)
    stamps, poses = [], []
    for annotation in annotations:
        fields = annotation if isinstance(annotation, dict) else {}
        stamp = fields.get("image_id")
        if type(stamp) is not int:  # True would count as 1
            rule = "An annotation must have an image_id in milliseconds"
            raise UserError(rule, json_kind(annotation), name)
        stamps.append(float(min(stamp, 10**18)))
        poses.append(coco_person(fields.get("keypoints"), name))
    pose = np.stack(poses)
    check_coco_units(pose, name)
    return np.array(stamps), pose
