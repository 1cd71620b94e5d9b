"""SmartFallMM: falls and daily activities, worn sensors and an Azure Kinect (Texas State)."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.loader import ClipSource, Discovery
from data_prep.loaders.smartfallmm.layout import ACTION_NAMES, GROUPS, SENSORS, SKELETON_LAYOUT
from data_prep.loaders.smartfallmm.skeleton import read_smartfallmm_skeleton
from data_prep.loaders.smartfallmm.stamps import respace_stamps
from data_prep.made_by import made_by
from data_prep.raw.raw_files import RawFile, find_raw_files, raw_sources
from data_prep.raw.sensor_csv import read_sensor_csv
from data_prep.signals.even_samples import even_samples
from data_prep.skeletons.skeleton_layout import SkeletonLayout
from data_prep.user_error import UserError

_FILE_NAME = r"S\d+A\d+T\d+\.csv"
_PATH = (
    r"(?:.*/)?(young|old)(?:[ _]data)?(?:\.zip)?/(?:.*/)?"
    r"(?:accelerometer/({sensor})|(skeleton))/S(\d+)A(\d+)T(\d+)\.csv"
)
_ARCHIVES = ("smartfallmm*.zip", "young*.zip", "old*.zip")
_RATE_HZ = 50.0  # the Meta sensors' rate; about the highest seen from watch and phone
_LARGEST_G = 40.0  # twice the range of any of these sensors

_ClipKey = tuple[str, int, int, int]  # group, subject, action, trial


@dataclass(frozen=True)
class SmartFallMMLoader:
    """SmartFallMM in its official layout, unpacked or in zip archives.

    Watch and phone stamp a sample when they hand it over, in bursts; `respace_stamps` says what is
    made of that. Rows that cannot be used are dropped up to a tenth of a file, with the note
    "rows_dropped". A clip without a skeleton file is kept, with the note "no_skeleton".

    Args:
        raw_dir: Folder with young/ and old/, at any depth and in any case.
        sensor: One of "watch", "meta_wrist", "phone", "meta_hip".
        longest_gap_seconds: A longer gap between samples makes a clip bad.

    Raises:
        UserError: The sensor is unknown.
    """

    raw_dir: str | Path
    sensor: str = "watch"
    longest_gap_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.sensor not in SENSORS:
            raise UserError(f"The sensor must be one of {', '.join(SENSORS)}", self.sensor)

    def discover(self) -> Discovery:
        """Finds the clips of the sensor, ordered by group, subject, action and trial."""
        sensor_files, skeleton_files = self._files()
        if not sensor_files:
            rule = f"SmartFallMM needs files named young/accelerometer/{self.sensor}/S29A01T01.csv"
            raise UserError(rule, "none", self.raw_dir)
        names = _subject_names(list(sensor_files))
        sources = []
        for key in sorted(sensor_files, key=lambda key: (GROUPS.index(key[0]), *key[1:])):
            group, subject, action, trial = key
            files = {"accelerometer": sensor_files[key]}
            if key in skeleton_files:
                files["skeleton"] = skeleton_files[key]
            sources.append(
                ClipSource(
                    clip_id=f"{group}_S{subject:02d}A{action:02d}T{trial:02d}",
                    subject=names[group, subject],
                    action=action - 1,
                    trial=str(trial),
                    files=files,
                    details={"group": group},
                )
            )
        num_unused = len(skeleton_files.keys() - sensor_files.keys())
        return Discovery(self._description(sources, num_unused), sources)

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; `Loader.read` says what it raises."""
        sensor = SENSORS[self.sensor]
        accelerometer_file = source.files["accelerometer"]
        content = accelerometer_file.read()
        sources = {"accelerometer": (accelerometer_file.name, hashlib.sha256(content).hexdigest())}
        accelerometer, flags = self._accelerometer(content, accelerometer_file.name)
        skeleton = None
        if "skeleton" in source.files:
            content = source.files["skeleton"].read()
            name = source.files["skeleton"].name
            sources["skeleton"] = (name, hashlib.sha256(content).hexdigest())
            skeleton, skeleton_flags = read_smartfallmm_skeleton(content, name)
            flags += skeleton_flags
        else:
            flags += ("no_skeleton",)
        return Clip(
            clip_id=source.clip_id,
            subject=source.subject,
            action=source.action,
            trial=source.trial,
            sensor_place=sensor.place,
            accelerometer=accelerometer,
            skeleton=skeleton,
            sources=sources,
            flags=flags,
            attributes={"group": source.details["group"]},
        )

    def _accelerometer(self, content: bytes, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
        sensor = SENSORS[self.sensor]
        largest = _LARGEST_G / sensor.unit_in_g
        stamps, values, dropped = read_sensor_csv(content, name, sensor.num_columns, largest)
        flags: tuple[str, ...] = ("rows_dropped",) if dropped else ()
        longest = self.longest_gap_seconds
        if sensor.has_delivery_stamps:
            rate = sensor.nominal_rate_hz
            stamps, values, notes = respace_stamps(stamps, values, rate, longest, name)
            flags += notes
        in_g = values * sensor.unit_in_g
        accelerometer, notes = even_samples(stamps, in_g, _RATE_HZ, longest, name)
        return accelerometer, flags + notes

    def _files(self) -> tuple[dict[_ClipKey, RawFile], dict[_ClipKey, RawFile]]:
        pattern = re.compile(_PATH.format(sensor=self.sensor), re.IGNORECASE)
        sensor_files: dict[_ClipKey, RawFile] = {}
        skeleton_files: dict[_ClipKey, RawFile] = {}
        for item in find_raw_files(self.raw_dir, _FILE_NAME, _ARCHIVES):
            match = pattern.fullmatch(item.name)
            if match is None:
                continue
            key = (match[1].lower(), int(match[4]), int(match[5]), int(match[6]))
            if not 1 <= key[2] <= len(ACTION_NAMES):
                rule = f"SmartFallMM has activities 1 to {len(ACTION_NAMES)}"
                raise UserError(rule, key[2], item.name)
            found = sensor_files if match[2] else skeleton_files
            if key in found and found[key].read() != item.read():
                rule = "A clip found twice must be the same in both places"
                raise UserError(rule, found[key].name, item.name)
            found.setdefault(key, item)
        return sensor_files, skeleton_files

    def _description(self, sources: list[ClipSource], num_unused: int) -> DatasetDescription:
        sensor = SENSORS[self.sensor]
        layout = SkeletonLayout.load(SKELETON_LAYOUT)
        people = dict.fromkeys((source.details["group"], source.subject) for source in sources)
        train, test = _split(list(people))
        lacking = sum("skeleton" not in source.files for source in sources)
        notes = [
            f"sensor: {self.sensor}, worn at: {sensor.place} (side not known)",
            "cross_subject is this project's own: every third subject of each group tests",
            "skeleton and sensor were cut separately: they pair by clip, not by frame",
        ]
        if sensor.has_delivery_stamps:
            notes.append("stamps are those of delivery: samples were spread evenly over a clip")
        if lacking:
            notes.append(f"{lacking} of {len(sources)} clips have no skeleton file")
        if num_unused:
            notes.append(f"{num_unused} skeleton files belong to no clip of this sensor")
        axes = ["x", "y", "z"]
        return DatasetDescription(
            name="smartfallmm",
            title=f"SmartFallMM ({self.sensor})",
            is_synthetic=False,
            citation="SmartFallMM: A Multimodal Dataset for Enhanced Human Activity Recognition. "
            "Texas State University, github.com/txst-cs-smartfall/SmartFallMM-Dataset.",
            num_clips=len(sources),
            subjects=[subject for _, subject in people],
            class_names=list(ACTION_NAMES),
            streams={
                "accelerometer": {"unit": "g", "nominal_rate_hz": _RATE_HZ, "channels": axes},
                "skeleton": {"unit": "m", "nominal_rate_hz": 30.0, "channels": axes},
            },
            joint_names=list(layout.joint_names),
            joint_parents=list(layout.joint_parents),
            root_joint=layout.root_joint,
            up_axis=1,
            protocols={
                "cross_subject": {
                    "train_subjects": train,
                    "test_subjects": test,
                    "metric": "macro_f1",
                }
            },
            made_by=made_by(),
            alignment="clip",
            wrist_place=sensor.place,
            sources=raw_sources([item for source in sources for item in source.files.values()]),
            source_notes=notes,
        )


def _split(people: list[tuple[str, str]]) -> tuple[list[str], list[str]]:
    """Returns train and test subjects: of each group every third tests, so that both occur."""
    groups = [[name for group, name in people if group == wanted] for wanted in GROUPS]
    test = [name for names in groups for name in names[2::3]]
    return [name for _, name in people if name not in test], test


def _subject_names(keys: list[_ClipKey]) -> dict[tuple[str, int], str]:
    """Returns each subject's name: its number, with its group before it where numbers collide."""
    people = {(group, subject) for group, subject, _, _ in keys}
    numbers = [subject for _, subject in people]
    if len(set(numbers)) == len(numbers):
        return {person: str(person[1]) for person in people}
    return {person: f"{person[0]}_{person[1]}" for person in people}
