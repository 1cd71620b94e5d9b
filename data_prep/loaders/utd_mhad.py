"""UTD-MHAD: one worn inertial sensor and a Kinect v1 skeleton (Chen et al., ICIP 2015)."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.loaders.mat_file import read_mat_array
from data_prep.loaders.raw_files import RawFile, find_raw_files, raw_sources
from data_prep.loaders.utd_mhad_layout import (
    ACTION_NAMES,
    JOINTS,
    NUM_CLIPS,
    SUBJECTS,
    sensor_place,
)
from data_prep.made_by import made_by
from data_prep.user_error import UserError

_FILE_NAME = r"a(\d+)_s(\d+)_t(\d+)_(inertial|skeleton)\.mat"
_ARCHIVES = ("Inertial.zip", "Skeleton.zip")
_ACCELEROMETER_LIMIT_G = 7.995  # the range is +-8 g; the largest unsaturated value is 7.954
_GYROSCOPE_LIMIT = 1000.0  # saturated values lie just above it, others at most at 993 deg/s

_ClipKey = tuple[int, int, int]  # action, subject, trial, as in the file name


def load_utd_mhad(raw_dir: str | Path) -> tuple[DatasetDescription, Iterator[Clip]]:
    """Finds UTD-MHAD's files; clips are read one at a time, ordered by action, subject, trial.

    Args:
        raw_dir: Folder with Inertial.zip and Skeleton.zip, or with their unpacked folders, at any
            depth and in any case. Other files are ignored.

    Returns:
        The description and the clips.

    Raises:
        UserError: No file is found, or a clip lacks one of its two files. The iterator raises it
            for a damaged file.
    """
    files = find_raw_files(raw_dir, _FILE_NAME, _ARCHIVES)
    streams = {"inertial": _by_clip(files, "inertial"), "skeleton": _by_clip(files, "skeleton")}
    for stream, by_clip in streams.items():
        if not by_clip:
            rule = f"UTD-MHAD needs files named a1_s1_t1_{stream}.mat, in a folder or in a zip"
            raise UserError(rule, "none", raw_dir)
    _check_pairs(streams, raw_dir)
    subjects = [
        name for name in SUBJECTS if any(key[1] == int(name) for key in streams["inertial"])
    ]
    missing = NUM_CLIPS - len(streams["inertial"])
    description = DatasetDescription(
        name="utd_mhad",
        title="UTD-MHAD",
        is_synthetic=False,
        citation="C. Chen, R. Jafari, N. Kehtarnavaz: UTD-MHAD: A Multimodal Dataset for Human "
        "Action Recognition Utilizing a Depth Camera and a Wearable Inertial Sensor. ICIP 2015.",
        num_clips=len(streams["inertial"]),
        subjects=subjects,
        class_names=list(ACTION_NAMES),
        streams={
            "accelerometer": {"unit": "g", "nominal_rate_hz": 50.0, "channels": ["x", "y", "z"]},
            "gyroscope": {"unit": "deg/s", "nominal_rate_hz": 50.0, "channels": ["x", "y", "z"]},
            "skeleton": {"unit": "m", "nominal_rate_hz": 30.0, "channels": ["x", "y", "z"]},
        },
        joint_names=[name for name, _ in JOINTS],
        joint_parents=_joint_parents(),
        root_joint=[name for name, _ in JOINTS].index("hip_center"),
        up_axis=1,
        protocols={
            "cross_subject": {
                "train_subjects": [name for name in subjects if int(name) % 2 == 1],
                "test_subjects": [name for name in subjects if int(name) % 2 == 0],
                "metric": "accuracy",
            }
        },
        made_by=made_by(),
        sources=raw_sources(files),
        source_notes=[f"incomplete: {missing} of {NUM_CLIPS} clips are missing"] if missing else [],
    )
    return description, _clips(streams)


def _by_clip(files: list[RawFile], stream: str) -> dict[_ClipKey, RawFile]:
    found: dict[_ClipKey, RawFile] = {}
    for item in files:
        match = re.fullmatch(_FILE_NAME, item.base_name, re.IGNORECASE)
        if match is None or match[4].lower() != stream:
            continue
        key = (int(match[1]), int(match[2]), int(match[3]))
        if not 1 <= key[0] <= len(ACTION_NAMES) or str(key[1]) not in SUBJECTS:
            raise UserError("UTD-MHAD has actions 1 to 27 and subjects 1 to 8", key[:2], item.name)
        if key not in found:
            found[key] = item
        elif found[key].read() != item.read():  # an archive beside its unpacked folder is fine
            rule = "A clip found twice must be the same in both places"
            raise UserError(rule, found[key].name, item.name)
    return found


def _check_pairs(streams: dict[str, dict[_ClipKey, RawFile]], raw_dir: str | Path) -> None:
    for stream, other in (("inertial", "skeleton"), ("skeleton", "inertial")):
        lacking = sorted(streams[other].keys() - streams[stream].keys())
        if lacking:
            action, subject, trial = lacking[0]
            received = f"no a{action}_s{subject}_t{trial}_{stream}.mat"
            if len(lacking) > 1:
                received += f" and {len(lacking) - 1} more"
            rule = "Each clip needs an inertial and a skeleton file"
            raise UserError(rule, received, raw_dir)


def _clips(streams: dict[str, dict[_ClipKey, RawFile]]) -> Iterator[Clip]:
    for key in sorted(streams["inertial"]):
        action, subject, trial = key
        inertial, inertial_source = _read(streams["inertial"][key], "d_iner")
        skeleton, skeleton_source = _read(streams["skeleton"][key], "d_skel")
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
        yield Clip(
            clip_id=f"a{action}_s{subject}_t{trial}",
            subject=str(subject),
            action=action - 1,
            trial=str(trial),
            sensor_place=sensor_place(action - 1),
            accelerometer=accelerometer,
            gyroscope=gyroscope,
            skeleton=skeleton.transpose(2, 0, 1),
            sources={
                "accelerometer": inertial_source,
                "gyroscope": inertial_source,
                "skeleton": skeleton_source,
            },
            flags=tuple(flags),
        )


def _read(item: RawFile, key: str) -> tuple[np.ndarray, tuple[str, str]]:
    content = item.read()
    values = read_mat_array(content, key, item.name)
    with np.errstate(over="ignore"):  # too large for float32 becomes inf, which check_clip names
        values = values.astype(np.float32)
    return values, (item.name, hashlib.sha256(content).hexdigest())


def _joint_parents() -> list[int]:
    index = {name: position for position, (name, _) in enumerate(JOINTS)}
    return [-1 if parent is None else index[parent] for _, parent in JOINTS]
