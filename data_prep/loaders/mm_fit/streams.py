"""The streams of a workout of MM-Fit: the accelerometer of a watch, and the 3-D pose.

Each file holds a whole workout; `cut` takes the frames of one set. Units, axes and sides that the
authors do not state are found in the data.
"""

import math
from dataclasses import dataclass

import numpy as np

from data_prep.clip import STANDARD_GRAVITY
from data_prep.errors import UserError
from data_prep.formats.tables import check_usable_rows, read_npy_array
from data_prep.loaders.spans import check_covered, cut_notes
from data_prep.signals import bridge_frames, even_samples
from data_prep.skeletons import SkeletonLayout

FRAMES_A_SECOND = 30.0
RATE_HZ = 100.0
# Human3.6M's order (Ionescu et al., PAMI 2014) in the 17 joints of pose estimators trained on it.
LAYOUT = SkeletonLayout(
    joint_names=(
        *("pelvis", "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee"),
        *("left_ankle", "spine", "thorax", "neck", "head", "left_shoulder", "left_elbow"),
        *("left_wrist", "right_shoulder", "right_elbow", "right_wrist"),
    ),
    joint_parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)

_LARGEST_NUMBER = 1e15  # milliseconds since 1970 have 13 digits
_LARGEST_G = 40.0  # twice the range of any watch
_NEAR = 1.5  # the median magnitude of a worn sensor is 1 g within this factor


@dataclass(frozen=True, eq=False)
class WatchRecording:
    """The accelerometer of a whole workout.

    Args:
        frames: float64 (rows,) the camera's frame of each row.
        stamps: float64 (rows,) seconds.
        values: float64 (rows, 3) in g.
        is_usable: bool (rows,) whether stamp and values are numbers that a watch can measure.
        flags: Notes on the workout.
    """

    frames: np.ndarray
    stamps: np.ndarray
    values: np.ndarray
    is_usable: np.ndarray
    flags: tuple[str, ...]

    @classmethod
    def read(cls, content: bytes, name: str) -> "WatchRecording":
        """Reads a workout's file.

        Args:
            content: The file's bytes: an array (rows, 5) of frame, stamp in ms, x, y, z.
            name: The file's name, for errors.

        Raises:
            UserError: The file is damaged, of another shape, in another unit than m/s^2 or g, or
                more than a tenth of its rows are unusable.
        """
        table = read_npy_array(content, name).astype(np.float64)
        if table.ndim != 2 or table.shape[1] != 5 or len(table) < 2:
            rule = "A watch of MM-Fit must be an array (rows, 5) of frame, stamp, x, y and z"
            raise UserError(rule, table.shape, name)
        usable = np.asarray((np.abs(table) < _LARGEST_NUMBER).all(axis=1))  # not so for NaN
        lengths = np.linalg.norm(table[usable, 2:], axis=1)
        magnitude = float(np.median(lengths)) if len(lengths) else math.nan
        unit = next(
            (one for one in (STANDARD_GRAVITY, 1.0) if one / _NEAR < magnitude < one * _NEAR), None
        )
        if unit is None:
            rule = "The median acceleration of a workout must be near 9.81 m/s^2 (or 1 g)"
            raise UserError(rule, f"{magnitude:.3g}", name)
        usable &= (np.abs(table[:, 2:]) <= _LARGEST_G * unit).all(axis=1)
        usable &= table[:, 2:].any(
            axis=1
        )  # a lost sample: even in free fall a sensor has its noise
        check_usable_rows(usable, name)
        rows = np.arange(len(table))
        known = np.isfinite(table[:, 0])
        return cls(
            frames=np.interp(rows, rows[known], table[known, 0]),
            stamps=table[:, 1] / 1000.0,
            values=table[:, 2:] / unit,
            is_usable=usable,
            flags=() if unit == STANDARD_GRAVITY else ("accelerometer_in_g",),
        )

    def cut(
        self, first: int, last: int, longest_gap_seconds: float, name: str
    ) -> tuple[np.ndarray, tuple[int, int], tuple[str, ...]]:
        """Returns the samples of some frames.

        Args:
            first: The first frame.
            last: The last frame.
            longest_gap_seconds: A longer gap, or a later start or earlier end, makes them bad.
            name: The file and the frames, for errors.

        Returns:
            float32 (samples, 3) in g at 100 Hz; the first and last frame that they cover; notes.

        Raises:
            UserError: The watch does not cover the frames, or `even_samples` refuses its stamps.
        """
        inside = (self.frames >= first) & (self.frames <= last)
        usable = inside & self.is_usable
        frames = self.frames[usable]
        tolerance = longest_gap_seconds * FRAMES_A_SECOND
        check_covered(frames, first, last, tolerance, name)
        values, notes = even_samples(
            self.stamps[usable], self.values[usable], RATE_HZ, longest_gap_seconds, name
        )
        flags = (*self.flags, *(("rows_dropped",) if (inside & ~usable).any() else ()), *notes)
        flags += cut_notes(first, last, frames.min(), frames.max(), FRAMES_A_SECOND)
        return values, (math.ceil(frames.min()), math.floor(frames.max())), flags


_NUM_JOINTS = len(LAYOUT.joint_names)
_PELVIS, _THORAX, _NECK, _HEAD, _LEFT_SHOULDER, _RIGHT_SHOULDER = 0, 8, 9, 10, 11, 14
# Of the order that the notebook documents: left leg and right arm first.
_OTHER_SIDE = [0, 4, 5, 6, 1, 2, 3, 7, 8, 9, 10, 14, 15, 16, 11, 12, 13]
_TORSO_METRES = (0.25, 0.9)
_LARGEST_COORDINATE = 20_000.0  # mm; further than the camera sees a body
_ALONG_AXIS = 0.7  # of the torso's length; 45 degrees
_CLEAR_SIDE = 0.1  # cosine
_LONGEST_RUN = 15  # frames without the person; half a second
_MOST_FRAMES = 1_000_000  # nine hours; a frame number above that is damage
# Right-handed turns that bring an axis to y, by axis and sign: the old axes and their signs.
_TURNS = {
    (0, 1): ((1, 0, 2), (-1, 1, 1)),
    (0, -1): ((1, 0, 2), (1, -1, 1)),
    (1, 1): ((0, 1, 2), (1, 1, 1)),
    (1, -1): ((0, 1, 2), (1, -1, -1)),
    (2, 1): ((0, 2, 1), (1, 1, -1)),
    (2, -1): ((0, 2, 1), (1, -1, 1)),
}


@dataclass(frozen=True, eq=False)
class PoseRecording:
    """The 3-D pose of a whole workout.

    Args:
        first_frame: The frame of the first entry.
        joints: float32 (frames, 17, 3) in metres, y up, joints as in `LAYOUT`; NaN in a frame
            without the person.
        flags: Notes on the workout.
    """

    first_frame: int
    joints: np.ndarray
    flags: tuple[str, ...]

    @classmethod
    def read(cls, content: bytes, name: str) -> "PoseRecording":
        """Reads a workout's file.

        Most of a workout is spent upright, so the median torso tells the vertical axis. The nose
        tells where the body looks, and so which side is its left.

        Args:
            content: The file's bytes: an array (3, frames, 18), each entry the frame's number and
                one coordinate of 17 joints.
            name: The file's name, for errors.

        Raises:
            UserError: The file is damaged, of another shape, shows nobody, or a body of an
                impossible size or without a vertical axis; its frames do not ascend.
        """
        table = read_npy_array(content, name).astype(np.float64)
        if table.ndim != 3 or len(table) != 3 or table.shape[2] != 1 + _NUM_JOINTS:
            rule = f"A 3-D pose of MM-Fit must be an array (3, frames, {1 + _NUM_JOINTS})"
            raise UserError(rule, table.shape, name)
        numbers, joints = table[0, :, 0], table[:, :, 1:].transpose(1, 2, 0)
        if not np.isfinite(numbers).all() or not (np.diff(numbers) > 0).all():
            raise UserError("The frame numbers of a pose must ascend", "others", name)
        near = (np.abs(joints) < _LARGEST_COORDINATE).all(axis=(1, 2))  # not so for NaN
        seen = np.asarray(near & joints.any(axis=(1, 2)))
        if not seen.any() or np.ptp(numbers) > _MOST_FRAMES:
            received = f"{seen.sum()} of {len(seen)} frames"
            raise UserError("A pose must show a person", received, name)
        joints, flags = _upright(np.where(seen[:, None, None], joints, np.nan), seen, name)
        joints, notes = _with_known_sides(joints, seen)
        places = (numbers - numbers[0]).round().astype(int)
        dense = np.full((places[-1] + 1, _NUM_JOINTS, 3), np.nan, np.float32)
        dense[places] = joints
        return cls(int(numbers[0]), dense, flags + notes)

    def cut(self, first: int, last: int) -> tuple[np.ndarray | None, tuple[str, ...]]:
        """Returns the joints of some frames, float32 (frames, 17, 3), and notes.

        None and the note "person_lost" where the person is away for over half a second on end.
        """
        found = np.full((last - first + 1, _NUM_JOINTS, 3), np.nan)
        start = max(first, self.first_frame)
        end = min(last, self.first_frame + len(self.joints) - 1)
        if start <= end:
            own = self.joints[start - self.first_frame : end - self.first_frame + 1]
            found[start - first : end - first + 1] = own
        lost = np.isnan(found).any(axis=(1, 2))
        if len(found) < 2 or lost.all():
            return None, ("person_lost",)
        filled, longest = bridge_frames(found, lost)
        if longest > _LONGEST_RUN:
            return None, ("person_lost",)
        flags = (*self.flags, *(("frames_bridged",) if lost.any() else ()))
        return filled.astype(np.float32), flags


def _upright(joints: np.ndarray, seen: np.ndarray, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the joints in metres with y up, and notes on what was not expected."""
    torsos = joints[seen, _THORAX] - joints[seen, _PELVIS]
    torso, length = np.median(torsos, axis=0), float(np.median(np.linalg.norm(torsos, axis=1)))
    low, high = _TORSO_METRES
    unit = next((one for one in (1e-3, 1.0) if low <= length * one <= high), None)
    if unit is None:
        rule = f"The torso of a pose must be {low:g} to {high:g} m long, in mm (or m)"
        raise UserError(rule, f"{length:.3g}", name)
    axis = int(np.abs(torso).argmax())
    if abs(torso[axis]) < _ALONG_AXIS * length:
        rule = "The median torso of a pose must stand along one axis"
        raise UserError(rule, ", ".join(f"{value:.3g}" for value in torso), name)
    sign = 1 if torso[axis] > 0 else -1
    axes, signs = _TURNS[axis, sign]
    flags = [] if unit == 1e-3 else ["skeleton_in_metres"]
    if (axis, sign) != (2, 1):
        flags.append(f"skeleton_up_{'-' * (sign < 0)}{'xyz'[axis]}")
    return joints[:, :, axes] * np.array(signs) * unit, tuple(flags)


def _with_known_sides(joints: np.ndarray, seen: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the joints in the order of `LAYOUT`, and notes on what was not expected.

    The authors' notebook calls the first leg left, Human3.6M right. Where the nose does not tell,
    the notebook counts.
    """
    body = joints[seen]
    forward = body[:, _NECK] - (body[:, _THORAX] + body[:, _HEAD]) / 2
    left = np.stack([forward[:, 2], -forward[:, 0]], axis=1)  # y times forward
    across = (body[:, _LEFT_SHOULDER] - body[:, _RIGHT_SHOULDER])[:, [0, 2]]
    length = np.linalg.norm(left, axis=1) * np.linalg.norm(across, axis=1)
    cosine = float(np.median((left * across).sum(axis=1) / np.maximum(length, 1e-12)))
    if cosine > _CLEAR_SIDE:
        return joints, ("sides_exchanged",)
    return joints[:, _OTHER_SIDE], () if cosine < -_CLEAR_SIDE else ("sides_not_found",)
