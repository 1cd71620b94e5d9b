"""CZU-MHAD (Chao, Hou and Mo, IEEE Sensors Journal 2022): ten worn sensors and a Kinect v2.

Files, columns, places of the sensors and actions are those of the authors' repository: its README,
its sample code and the recordings in it. Its stamps are clock times written as one number
(HHMMSS and microseconds, the camera's with the date before it), so the two streams are joined by
time. Which subjects the authors test on is not stated there.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile, add_raw_file, find_raw_files
from data_prep.formats.mat import read_mat_array, read_mat_cells
from data_prep.formats.tables import check_usable_rows, read_number_table
from data_prep.loader import ClipSource, Discovery, recorded_set, subject_protocol
from data_prep.skeletons import SkeletonLayout
from data_prep.stamps import sort_stamps
from data_prep.stream_pairs import StampedStream, even_pair

ACTION_NAMES = (
    "right_high_wave",
    "left_high_wave",
    "right_horizontal_wave",
    "left_horizontal_wave",
    "hammer_with_right_hand",
    "grasp_with_right_hand",
    "draw_fork_with_right_hand",
    "draw_fork_with_left_hand",
    "draw_circle_with_right_hand",
    "draw_circle_with_left_hand",
    "right_foot_kick_forward",
    "left_foot_kick_forward",
    "right_foot_kick_side",
    "left_foot_kick_side",
    "clap",
    "bend_down",
    "wave_up_and_down",
    "sur_place",
    "left_body_turning_movement",
    "right_body_turning_movement",
    "left_lateral_movement",
    "right_lateral_movement",
)
SENSORS = {"right_wrist": 5, "left_wrist": 3}  # of the ten, from 0
NUM_SENSORS = 10
SKELETON_LAYOUT = "kinect_v2_25"
RATE_HZ = 100.0  # the sensors deliver 340 to 560 samples a second, at rates that change
FRAMES_A_SECOND = 30.0
# The two forms in which the set was given out: text files in folders, and a .mat file a clip.
_TEXT_PATH = (
    r"(?:.*/)?(?:(sensors?)/([a-z]+)/action_(\d+)/time_(\d+)/pi0?{sensor}"
    r"|(skeleton)/([a-z]+)/action_(\d+)/time_(\d+))(?:\.txt)?"
)
_MAT_PATH = r"(?:.*/)?(sensors?|skeleton)_mat(?:\.zip)?/(?:.*/)?([a-z]+)_a(\d+)_t(\d+)\.mat"
_FILE_NAME = r"(?:pi0?{sensor}|time_\d+)(?:\.txt)?|[a-z]+_a\d+_t\d+\.mat"
_ARCHIVES = ("czu*.zip", "sensor*.zip", "skeleton*.zip")
_ClipKey = tuple[str, int, int]  # subject, action, trial


@dataclass(frozen=True)
class CZUMHADLoader:
    """CZU-MHAD in either form of its authors, unpacked or in zip archives.

    A clip is `sensors/cx/action_1/time_1/pi05` with `skeleton/cx/action_1/time_1`, or
    `sensor_mat/cx_a1_t1.mat` with `skeleton_mat/cx_a1_t1.mat`. It lasts as long as both streams
    were recorded. A clip without a skeleton is kept, with the note "no_skeleton".

    Args:
        raw_dir: Folder of the download; any depth, any case.
        sensor: "right_wrist" or "left_wrist".
        longest_gap_seconds: A longer gap between samples or frames makes a clip bad.

    Raises:
        UserError: The sensor is unknown.
    """

    raw_dir: str | Path
    sensor: str = "right_wrist"
    longest_gap_seconds: float = 0.5

    def __post_init__(self) -> None:
        if self.sensor not in SENSORS:
            raise UserError(f"The sensor must be one of {', '.join(SENSORS)}", self.sensor)

    def discover(self) -> Discovery:
        """Finds the clips of the sensor, ordered by subject, action and trial."""
        sensors, skeletons = self._files()
        if not sensors:
            number = SENSORS[self.sensor]
            rule = (
                f"CZU-MHAD needs files named sensors/cx/action_1/time_1/pi{number:02d} or "
                "sensor_mat/cx_a1_t1.mat"
            )
            raise UserError(rule, "none", self.raw_dir)
        sources = []
        for key in sorted(sensors):
            subject, action, trial = key
            files = {"inertial": sensors[key]}
            if key in skeletons:
                files["skeleton"] = skeletons[key]
            clip_id = f"{subject}_a{action:02d}_t{trial:02d}"
            sources.append(ClipSource(clip_id, subject, action - 1, str(trial), files))
        return Discovery(
            self._description(sources, len(skeletons.keys() - sensors.keys())), sources
        )

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; raises as `Loader.read` does."""
        item = source.files["inertial"]
        content, hashed = item.read_with_source()
        sources = {"accelerometer": hashed, "gyroscope": hashed}
        stamps, values, flags = read_czu_sensor(content, item.name, SENSORS[self.sensor])
        gap, skeleton = self.longest_gap_seconds, None
        if "skeleton" in source.files:
            other = source.files["skeleton"]
            content, sources["skeleton"] = other.read_with_source()
            frame_stamps, joints, notes = read_czu_skeleton(content, other.name)
            flags += notes
            skeleton = StampedStream(frame_stamps, joints, FRAMES_A_SECOND, gap, other.name)
        else:
            flags += ("no_skeleton",)
        pair = even_pair(StampedStream(stamps, values, RATE_HZ, gap, item.name), skeleton)
        if pair.longest_gap_seconds > _NOTED_GAP_SECONDS:
            flags += ("gaps_bridged",)
        return source.clip(
            sensor_place=self.sensor,
            accelerometer=pair.sensor[:, :3],
            gyroscope=pair.sensor[:, 3:],
            skeleton=pair.skeleton,
            sources=sources,
            flags=flags,
            range_g=_RANGE_G,
        )

    def _files(self) -> tuple[dict[_ClipKey, RawFile], dict[_ClipKey, RawFile]]:
        number = SENSORS[self.sensor]
        text = re.compile(_TEXT_PATH.format(sensor=number), re.IGNORECASE)
        packed = re.compile(_MAT_PATH, re.IGNORECASE)
        sensors: dict[_ClipKey, RawFile] = {}
        skeletons: dict[_ClipKey, RawFile] = {}
        for item in find_raw_files(self.raw_dir, _FILE_NAME.format(sensor=number), _ARCHIVES):
            match = packed.fullmatch(item.name) or text.fullmatch(item.name)
            if match is None:
                continue
            stream, subject, action, trial = (cell for cell in match.groups() if cell)
            if not 1 <= int(action) <= len(ACTION_NAMES):
                rule = f"CZU-MHAD has actions 1 to {len(ACTION_NAMES)}"
                raise UserError(rule, int(action), item.name)
            found = skeletons if stream.lower() == "skeleton" else sensors
            key = (subject.lower(), int(action), int(trial))
            if key in found and _is_mat(found[key]) != _is_mat(item):
                rule = "Take one form of CZU-MHAD: text files in folders, or .mat files"
                raise UserError(rule, f"both of {'_'.join(map(str, key))}", item.name)
            add_raw_file(found, key, item)
        return sensors, skeletons

    def _description(self, sources: list[ClipSource], num_unused: int) -> DatasetDescription:
        subjects = sorted({source.subject for source in sources})
        lacking = sum("skeleton" not in source.files for source in sources)
        notes = [
            "cross_subject is this project's own: of the subjects by name the last two fifths "
            "test; the authors do not state theirs",
            "sensors and camera are joined by their clocks",
        ]
        if lacking:
            notes.append(f"{lacking} of {len(sources)} clips have no skeleton file")
        if num_unused:
            notes.append(f"{num_unused} skeleton files belong to no clip of this sensor")
        test = subjects[-max(1, 2 * len(subjects) // 5) :] if len(subjects) > 1 else []
        return recorded_set(
            sources,
            SkeletonLayout.load(SKELETON_LAYOUT),
            {"accelerometer": RATE_HZ, "gyroscope": RATE_HZ, "skeleton": FRAMES_A_SECOND},
            name="czu_mhad",
            title=f"CZU-MHAD ({self.sensor})",
            citation="X. Chao, Z. Hou, Y. Mo: CZU-MHAD: A Multimodal Dataset for Human Action "
            "Recognition Utilizing a Depth Camera and 10 Wearable Inertial Sensors. IEEE Sensors "
            "Journal, 2022.",
            subjects=subjects,
            class_names=list(ACTION_NAMES),
            protocols={"cross_subject": subject_protocol(subjects, test, "accuracy")},
            wrist_place=self.sensor,
            source_notes=notes,
        )


def _is_mat(item: RawFile) -> bool:
    return item.base_name.lower().endswith(".mat")


_NOTED_GAP_SECONDS = 0.1
_LARGEST = (40.0, 4000.0)  # g, deg/s: twice the ranges
_RANGE_G = 16.0
_ACCELEROMETER_LIMIT_G, _GYROSCOPE_LIMIT = 15.999, 1999.9  # of +-16 g and +-2000 deg/s
_DAY_SECONDS = 86_400.0


def clock_number_seconds(numbers: np.ndarray) -> np.ndarray:
    """Returns the seconds since midnight of clock times that are written as one number.

    Args:
        numbers: float64 (samples,): HHMMSS and six digits of microseconds, leading zeros left
            out; digits before (a date) do not matter.

    Returns:
        float64 (samples,), growing beyond a midnight; NaN where a number is no clock time.
    """
    known = np.isfinite(numbers) & (numbers >= 0) & (numbers < 2.0**53)
    whole = np.where(known, numbers, 0).astype(np.int64)
    seconds, minutes, hours = (whole // 10**place % 100 for place in (6, 8, 10))
    known &= (seconds < 60) & (minutes < 60) & (hours < 24)
    moments = 3600.0 * hours + 60.0 * minutes + seconds + whole % 10**6 / 1e6
    result = np.full(len(numbers), np.nan)
    result[known] = np.unwrap(moments[known], period=_DAY_SECONDS)
    return result


def read_czu_sensor(
    content: bytes, name: str, sensor: int
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Returns the usable samples of one sensor.

    Args:
        content: The file's bytes: text of one sensor, or a .mat file whose cell array `sensor`
            holds all ten. Columns: acceleration in g, turn rate in deg/s, clock time.
        name: The file's name, for errors.
        sensor: Which of the ten sensors of a .mat file.

    Returns:
        float64 (samples,) seconds since midnight, ascending; float64 (samples, 6) in g and deg/s;
        and notes.

    Raises:
        UserError: The file is damaged or of another shape, more than a tenth of its rows hold no
            clock time or no measurement, or the stamps cannot be sorted.
    """
    if name.lower().endswith(".mat"):
        cells = read_mat_cells(content, "sensor", name)
        if len(cells) != NUM_SENSORS:
            raise UserError(f"sensor must have {NUM_SENSORS} cells", len(cells), name)
        table = cells[sensor].astype(np.float64)
        if table.ndim != 2 or table.shape[1] != 7 or len(table) < 2:
            raise UserError("A sensor must be of shape (samples, 7)", table.shape, name)
    else:
        table = read_number_table(content, 7, name)
    stamps = clock_number_seconds(table[:, 6])
    limits = np.repeat(_LARGEST, 3)
    usable = np.isfinite(stamps) & (np.abs(table[:, :6]) <= limits).all(axis=1)
    usable &= table[:, :3].any(axis=1)  # a lost sample: even in free fall a sensor has its noise
    stamps, values, flags = _usable(stamps, table[:, :6], usable, name)
    if (np.abs(values[:, :3]) >= _ACCELEROMETER_LIMIT_G).any():
        flags += ("accelerometer_saturated",)
    if (np.abs(values[:, 3:]) >= _GYROSCOPE_LIMIT).any():
        flags += ("gyroscope_saturated",)
    return stamps, values, flags


_NUM_JOINTS = len(SkeletonLayout.load(SKELETON_LAYOUT).joint_names)
_LARGEST_METRES = 20.0


def read_czu_skeleton(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Returns the usable frames of a skeleton.

    Args:
        content: The file's bytes: text, or a .mat file with the variable `skeleton`. Columns: x,
            y, z in metres and a clock time, for each of 25 joints.
        name: The file's name, for errors.

    Returns:
        float64 (frames,) seconds since midnight, ascending; float64 (frames, 25, 3) in metres, y
        up; and notes.

    Raises:
        UserError: The file is damaged or of another shape, more than a tenth of its rows hold no
            clock time or no body, or the stamps cannot be sorted.
    """
    if name.lower().endswith(".mat"):
        table = read_mat_array(content, "skeleton", name).astype(np.float64)
        if table.ndim != 2 or table.shape[1] != 4 * _NUM_JOINTS or len(table) < 2:
            rule = f"skeleton must be of shape (frames, {4 * _NUM_JOINTS})"
            raise UserError(rule, table.shape, name)
    else:
        table = read_number_table(content, 4 * _NUM_JOINTS, name)
    cells = table.reshape(len(table), _NUM_JOINTS, 4)
    stamps, joints = clock_number_seconds(cells[:, 0, 3]), cells[:, :, :3]
    near = (np.abs(joints) <= _LARGEST_METRES).all(axis=(1, 2))  # not so for NaN
    return _usable(stamps, joints, near & joints.any(axis=(1, 2)) & np.isfinite(stamps), name)


def _usable(
    stamps: np.ndarray, values: np.ndarray, usable: np.ndarray, name: str
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    notes = check_usable_rows(usable, name)
    stamps, values, flags = sort_stamps(stamps[usable], values[usable], name)
    return stamps, values, notes + flags
