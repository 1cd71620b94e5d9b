"""UTD-MHAD (Chen, Jafari, Kehtarnavaz, ICIP 2015): 27 actions, 8 subjects, 4 trials.

Two MATLAB files a clip, the inertial sensor at 50 Hz and the Kinect's skeleton at 30 Hz. Actions 1
to 21 wore the sensor on the right wrist, 22 to 27 on the right thigh.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile, add_raw_file, find_raw_files
from data_prep.formats.mat import read_mat_array
from data_prep.loader import ClipSource, Discovery, column_protocol, recorded_set, subject_protocol
from data_prep.skeletons import SkeletonLayout

ACTION_NAMES = [
    "swipe_left",
    "swipe_right",
    "wave",
    "clap",
    "throw",
    "arm_cross",
    "basketball_shoot",
    "draw_x",
    "draw_circle_clockwise",
    "draw_circle_counter_clockwise",
    "draw_triangle",
    "bowling",
    "boxing",
    "baseball_swing",
    "tennis_swing",
    "arm_curl",
    "tennis_serve",
    "push",
    "knock",
    "catch",
    "pickup_and_throw",
    "jog",
    "walk",
    "sit_to_stand",
    "stand_to_sit",
    "lunge",
    "squat",
]

# Each joint and its parent, in the order of the files (Kinect v1).
JOINTS = [
    ("head", "shoulder_center"),
    ("shoulder_center", "spine"),
    ("spine", "hip_center"),
    ("hip_center", None),
    ("left_shoulder", "shoulder_center"),
    ("left_elbow", "left_shoulder"),
    ("left_wrist", "left_elbow"),
    ("left_hand", "left_wrist"),
    ("right_shoulder", "shoulder_center"),
    ("right_elbow", "right_shoulder"),
    ("right_wrist", "right_elbow"),
    ("right_hand", "right_wrist"),
    ("left_hip", "hip_center"),
    ("left_knee", "left_hip"),
    ("left_ankle", "left_knee"),
    ("left_foot", "left_ankle"),
    ("right_hip", "hip_center"),
    ("right_knee", "right_hip"),
    ("right_ankle", "right_knee"),
    ("right_foot", "right_ankle"),
]
_NAMES = [name for name, _ in JOINTS]
LAYOUT = SkeletonLayout(
    tuple(_NAMES), tuple(-1 if parent is None else _NAMES.index(parent) for _, parent in JOINTS)
)

SUBJECTS = [str(subject) for subject in range(1, 9)]
TEST_SUBJECTS = SUBJECTS[1::2]
NUM_WRIST_ACTIONS = 21  # actions 22 to 27 wore the sensor on the right thigh
NUM_CLIPS = 861  # of 27 x 8 x 4; three are missing from the official archives


def sensor_place(action: int) -> str:
    """Returns where the sensor was worn in an action (index from 0)."""
    return "right_wrist" if action < NUM_WRIST_ACTIONS else "right_thigh"


_FILE_NAME = r"a(\d+)_s(\d+)_t(\d+)_(inertial|skeleton)\.mat"
_ARCHIVES = ("Inertial.zip", "Skeleton.zip")
_RANGE_G = 8.0
_ACCELEROMETER_LIMIT_G = 7.995  # the largest unsaturated value is 7.954
_GYROSCOPE_LIMIT = 1000.0  # saturated values lie just above it, others at most at 993 deg/s

_ClipKey = tuple[int, int, int]  # action, subject, trial, as in the file name


@dataclass(frozen=True)
class UTDMHADLoader:
    """UTD-MHAD's clips, ordered by action, subject, trial.

    Args:
        raw_dir: Folder with Inertial.zip and Skeleton.zip, or with their unpacked folders, at any
            depth and in any case. Other files are ignored.
    """

    raw_dir: str | Path

    def discover(self) -> Discovery:
        """Finds the files of each clip.

        Raises:
            UserError: No file is found, or a clip is found twice with different contents.
        """
        files = find_raw_files(self.raw_dir, _FILE_NAME, _ARCHIVES)
        inertial, skeleton = _by_clip(files, "inertial"), _by_clip(files, "skeleton")
        for stream, by_clip in (("inertial", inertial), ("skeleton", skeleton)):
            if not by_clip:
                rule = f"UTD-MHAD needs files named a1_s1_t1_{stream}.mat, in a folder or in a zip"
                raise UserError(rule, "none", self.raw_dir)
        sources = []
        for key in sorted(inertial.keys() | skeleton.keys()):
            action, subject, trial = key
            streams = {"inertial": inertial.get(key), "skeleton": skeleton.get(key)}
            sources.append(
                ClipSource(
                    clip_id=f"a{action}_s{subject}_t{trial}",
                    subject=str(subject),
                    action=action - 1,
                    trial=str(trial),
                    files={name: item for name, item in streams.items() if item is not None},
                )
            )
        return Discovery(_description(sources, files), sources)

    def read(self, source: ClipSource) -> Clip:
        """Reads the two files of a clip.

        Raises:
            UserError: A file is missing, damaged or of another shape.
        """
        for stream in ("inertial", "skeleton"):
            if stream not in source.files:
                rule = "Each clip needs an inertial and a skeleton file"
                raise UserError(rule, f"no {source.clip_id}_{stream}.mat", self.raw_dir)
        inertial, inertial_source = _read(source.files["inertial"], "d_iner")
        skeleton, skeleton_source = _read(source.files["skeleton"], "d_skel")
        if inertial.ndim != 2 or inertial.shape[1] != 6:
            rule = "d_iner must be of shape (samples, 6)"
            raise UserError(rule, inertial.shape, inertial_source[0])
        if skeleton.ndim == 2:  # MATLAB drops the last axis of a single frame
            skeleton = skeleton[:, :, None]
        if skeleton.ndim != 3 or skeleton.shape[:2] != (len(JOINTS), 3):
            rule = f"d_skel must be of shape ({len(JOINTS)}, 3, frames)"
            raise UserError(rule, skeleton.shape, skeleton_source[0])
        accelerometer, gyroscope = inertial[:, :3], inertial[:, 3:]
        flags = []
        if (np.abs(accelerometer) >= _ACCELEROMETER_LIMIT_G).any():
            flags.append("accelerometer_saturated")
        if (np.abs(gyroscope) >= _GYROSCOPE_LIMIT).any():
            flags.append("gyroscope_saturated")
        return source.clip(
            sensor_place=sensor_place(source.action),
            accelerometer=accelerometer,
            gyroscope=gyroscope,
            skeleton=skeleton.transpose(2, 0, 1),
            sources={
                "accelerometer": inertial_source,
                "gyroscope": inertial_source,
                "skeleton": skeleton_source,
            },
            flags=tuple(flags),
            range_g=_RANGE_G,
        )


def _description(sources: list[ClipSource], files: list[RawFile]) -> DatasetDescription:
    found = {source.subject for source in sources}
    subjects = [name for name in SUBJECTS if name in found]
    missing = NUM_CLIPS - len(sources)
    return recorded_set(
        sources,
        LAYOUT,
        {"accelerometer": 50.0, "gyroscope": 50.0, "skeleton": 30.0},
        files,
        name="utd_mhad",
        title="UTD-MHAD",
        citation="C. Chen, R. Jafari, N. Kehtarnavaz: UTD-MHAD: A Multimodal Dataset for Human "
        "Action Recognition Utilizing a Depth Camera and a Wearable Inertial Sensor. ICIP 2015.",
        subjects=subjects,
        class_names=list(ACTION_NAMES),
        protocols={
            "cross_subject": subject_protocol(subjects, TEST_SUBJECTS, "accuracy"),
            "subject_specific": column_protocol(
                "trial", ["1", "2"], ["3", "4"], "accuracy", leaks=True
            ),
        },
        source_notes=[f"incomplete: {missing} of {NUM_CLIPS} clips are missing"] if missing else [],
    )


def _by_clip(files: list[RawFile], stream: str) -> dict[_ClipKey, RawFile]:
    found: dict[_ClipKey, RawFile] = {}
    for item in files:
        match = re.fullmatch(_FILE_NAME, item.base_name, re.IGNORECASE)
        if match is None or match[4].lower() != stream:
            continue
        key = (int(match[1]), int(match[2]), int(match[3]))
        if not 1 <= key[0] <= len(ACTION_NAMES) or str(key[1]) not in SUBJECTS:
            raise UserError("UTD-MHAD has actions 1 to 27 and subjects 1 to 8", key[:2], item.name)
        add_raw_file(found, key, item)
    return found


def _read(item: RawFile, key: str) -> tuple[np.ndarray, tuple[str, str]]:
    content, source = item.read_with_source()
    values = read_mat_array(content, key, item.name)
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which check_clip names
        return values.astype(np.float32), source
