"""MMAct (Kong et al., ICCV 2019): the trimmed sensor clips, and the poses of the challenge.

The accelerometer of watch or phone comes from CSV files, the skeleton from COCO poses in pixels of
one camera, scaled to metres by `body_scaled_pose`. The two were cut separately, so they pair by
clip and not by frame.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.clip import STANDARD_GRAVITY, Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile, add_raw_file, find_raw_files
from data_prep.formats.coco_poses import (
    NUM_COCO_JOINTS,
    check_coco_units,
    coco_person,
    json_kind,
    read_pose_json,
)
from data_prep.formats.csv_files import read_sensor_csv
from data_prep.loader import ClipSource, Discovery, column_protocol, recorded_set, subject_protocol
from data_prep.pose_scaling import body_scaled_pose
from data_prep.signals import even_samples
from data_prep.skeletons import SkeletonLayout

# The 35 labels of the trimmed release as two public loaders of it list them, which agree; the
# authors' own list could not be read. Sorted, in lower case.
ACTION_NAMES = (
    "carrying",
    "carrying_heavy",
    "carrying_light",
    "checking_time",
    "closing",
    "crouching",
    "drinking",
    "entering",
    "exiting",
    "fall",
    "jumping",
    "kicking",
    "loitering",
    "looking_around",
    "opening",
    "picking_up",
    "pocket_in",
    "pocket_out",
    "pointing",
    "pulling",
    "pushing",
    "running",
    "setting_down",
    "sitting",
    "sitting_down",
    "standing",
    "standing_up",
    "talking",
    "talking_on_phone",
    "throwing",
    "transferring_object",
    "using_pc",
    "using_phone",
    "walking",
    "waving_hand",
)
# Sensor -> where it was worn. The watch was on the right hand; of the phone it is not known.
SENSOR_PLACES = {"watch": "right_wrist", "phone": "phone"}
NUM_CAMERAS = 4
SKELETON_LAYOUT = "coco_17"
TEST_SUBJECTS = ("17", "18", "19", "20")
TEST_SESSION = "5"
TEST_SCENE = "2"
_SENSOR_PATH = (
    r"(?:.*/)?acc_{sensor}_clip[^/]*/(?:.*/)?"
    r"subject(\d+)/scene(\d+)/session(\d+)/([^/]+)\.csv"
)
_POSE_PATH = (
    r"(?:.*/)?cross_view/trainval/(?:.*/)?"
    r"subject(\d+)/cam(\d+)/scene(\d+)/session(\d+)/([^/]+)\.json"
)
_ARCHIVES = ("mmact*.zip", "*sensor*.zip", "acc_{sensor}_clip*.zip")
_POSE_ARCHIVES = ("mmact*.zip", "*pose*.zip")
_RATE_HZ = 100.0
_RANGE_G = 16.0  # no watch or phone is known to reach further
_LARGEST_G = 40.0  # what is above is no measurement: a stamp that slipped
_LONGEST_RUN = 15  # frames without the person; half a second of video
_ClipKey = tuple[int, int, int, str]  # subject, scene, session, label in lower case


@dataclass(frozen=True)
class MMActLoader:
    """The trimmed release of MMAct, with the poses of its challenge; unpacked or in zip archives.

    A clip is read from `acc_<sensor>_clip/subjectN/sceneN/sessionN/<action>.csv` and, where there
    is one, `cross_view/trainval/subjectN/cam<camera>/sceneN/sessionN/<action>.json`. A missing
    pose is not replaced by another camera's, because the view would change. Rows that cannot be
    used are dropped, up to a tenth of a file (note "rows_dropped"). A clip without a pose, or
    without the person for over half a second, is kept with the note "no_skeleton".

    Args:
        raw_dir: Folder of the download; any depth, any case.
        sensor: "watch" or "phone".
        camera: The camera that gives the poses, 1 to 4.
        longest_gap_seconds: A longer gap between samples makes a clip bad.

    Raises:
        UserError: The sensor or the camera is unknown.
    """

    raw_dir: str | Path
    sensor: str = "watch"
    camera: int = 1
    longest_gap_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.sensor not in SENSOR_PLACES:
            rule = f"The sensor must be one of {', '.join(SENSOR_PLACES)}"
            raise UserError(rule, self.sensor)
        if self.camera not in range(1, NUM_CAMERAS + 1):
            raise UserError(f"The camera must be 1 to {NUM_CAMERAS}", self.camera)

    def discover(self) -> Discovery:
        """Finds the clips of the sensor, ordered by class, subject, scene and session."""
        sensor_files = self._sensor_files()
        if not sensor_files:
            folder = f"acc_{self.sensor}_clip"
            rule = f"MMAct needs files named {folder}/subject1/scene1/session1/walking.csv"
            raise UserError(rule, "none", self.raw_dir)
        pose_files, other_cameras = self._pose_files()
        labels = {label for _, _, _, label in sensor_files}
        class_names = [*ACTION_NAMES, *sorted(labels - set(ACTION_NAMES))]
        sources = []
        for key in sorted(sensor_files, key=lambda key: (class_names.index(key[3]), *key)):
            subject, scene, session, label = key
            files = {"accelerometer": sensor_files[key]}
            if key in pose_files:
                files["skeleton"] = pose_files[key]
            sources.append(
                ClipSource(
                    clip_id=f"subject{subject}_scene{scene}_session{session}_{label}",
                    subject=str(subject),
                    action=class_names.index(label),
                    trial=f"scene{scene}_session{session}",
                    files=files,
                    details={"session": str(session), "scene": str(scene)},
                )
            )
        notes = _notes(sources, class_names, len(sensor_files.keys() & other_cameras))
        return Discovery(self._description(sources, class_names, notes), sources)

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; raises as `Loader.read` does."""
        sources = {}
        item = source.files["accelerometer"]
        content, sources["accelerometer"] = item.read_with_source()
        accelerometer, flags = self._accelerometer(content, item.name)
        skeleton = None
        if "skeleton" in source.files:
            item = source.files["skeleton"]
            content, sources["skeleton"] = item.read_with_source()
            pose, notes = read_mmact_pose(content, item.name)
            flags += notes
            skeleton, notes = body_scaled_pose(
                pose, _LONGEST_RUN, SkeletonLayout.load(SKELETON_LAYOUT)
            )
            flags += notes
        if skeleton is None:
            flags += ("no_skeleton",)
            sources.pop("skeleton", None)
        return source.clip(
            sensor_place=SENSOR_PLACES[self.sensor],
            accelerometer=accelerometer,
            skeleton=skeleton,
            sources=sources,
            flags=flags,
            attributes=dict(source.details),
            range_g=_RANGE_G,
        )

    def _accelerometer(self, content: bytes, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
        stamps, values, dropped = read_sensor_csv(content, name, 4, _LARGEST_G * STANDARD_GRAVITY)
        accelerometer, notes = even_samples(
            stamps, values / STANDARD_GRAVITY, _RATE_HZ, self.longest_gap_seconds, name
        )
        return accelerometer, (("rows_dropped",) if dropped else ()) + notes

    def _sensor_files(self) -> dict[_ClipKey, RawFile]:
        archives = tuple(name.format(sensor=self.sensor) for name in _ARCHIVES)
        pattern = re.compile(_SENSOR_PATH.format(sensor=self.sensor), re.IGNORECASE)
        found: dict[_ClipKey, RawFile] = {}
        for item in find_raw_files(self.raw_dir, r".+\.csv", archives):
            if match := pattern.fullmatch(item.name):
                key = (int(match[1]), int(match[2]), int(match[3]), match[4].lower())
                add_raw_file(found, key, item)
        return found

    def _pose_files(self) -> tuple[dict[_ClipKey, RawFile], set[_ClipKey]]:
        """Returns the poses of the camera, and the clips of which only others have one."""
        pattern = re.compile(_POSE_PATH, re.IGNORECASE)
        found: dict[_ClipKey, RawFile] = {}
        elsewhere = set()
        for item in find_raw_files(self.raw_dir, r".+\.json", _POSE_ARCHIVES):
            if match := pattern.fullmatch(item.name):
                key = (int(match[1]), int(match[3]), int(match[4]), match[5].lower())
                if int(match[2]) == self.camera:
                    add_raw_file(found, key, item)
                else:
                    elsewhere.add(key)
        return found, elsewhere - found.keys()

    def _description(
        self, sources: list[ClipSource], class_names: list[str], notes: list[str]
    ) -> DatasetDescription:
        numbers = sorted({int(source.subject) for source in sources})
        return recorded_set(
            sources,
            SkeletonLayout.load(SKELETON_LAYOUT),
            {"accelerometer": _RATE_HZ, "skeleton": 30.0},
            name="mmact",
            title=f"MMAct ({self.sensor}, camera {self.camera})",
            citation="Q. Kong, Z. Wu, Z. Deng, M. Klinkigt, B. Tong, T. Murakami: MMAct: A "
            "Large-Scale Dataset for Cross Modal Human Action Understanding. ICCV 2019.",
            subjects=[str(number) for number in numbers],
            class_names=class_names,
            protocols=_protocols(sources, numbers),
            alignment="clip",
            wrist_place=SENSOR_PLACES[self.sensor],
            source_notes=notes,
        )


def _protocols(sources: list[ClipSource], numbers: list[int]) -> dict[str, dict[str, Any]]:
    subjects = [str(number) for number in numbers]
    protocols = {"cross_subject": subject_protocol(subjects, TEST_SUBJECTS, "macro_f1")}
    for attribute, test in (("session", TEST_SESSION), ("scene", TEST_SCENE)):
        values = sorted({source.details[attribute] for source in sources} - {test})
        protocols[f"cross_{attribute}"] = column_protocol(
            attribute, values, [test], "macro_f1", leaks=True
        )
    return protocols


def _notes(sources: list[ClipSource], class_names: list[str], num_elsewhere: int) -> list[str]:
    notes = [
        "the 35 class names are those of public loaders of the set, not checked with its authors",
        "skeleton: 1.7 m tall by the length of the torso; true heights are not known",
    ]
    further = [name for name in class_names if name not in ACTION_NAMES]
    if further:
        notes.append(f"labels beyond the 35 known: {', '.join(further)}")
    lacking = sum("skeleton" not in source.files for source in sources)
    if lacking:
        notes.append(
            f"{lacking} of {len(sources)} clips have no pose of this camera, "
            f"{num_elsewhere} of them one of another"
        )
    return notes


_PEOPLE = ("person1", "person2")
_MOST_FRAMES = 100_000  # an hour; a frame number above that is damage


def read_mmact_pose(content: bytes, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns one person's joints in every frame.

    The person seen in most frames is taken, `person1` if both are seen equally often: to change
    the person from frame to frame would make the body jump. A person is a list of 17
    [x, y, confidence], a list of 51 numbers, either of them in a list of its own, or an object of
    joint names to [x, y, confidence] or {"x", "y", "confidence"}. An empty list, an empty object
    or null stands for no person.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Returns:
        float64 (frames, 17 joints, x y confidence), x and y as in the file, all NaN in a frame
        without the person (also where frame numbers are skipped); and the note "person2_used".

    Raises:
        UserError: The file is no such JSON, has no frame or no person in any frame, or its
            coordinates cannot be pixels.
    """
    frames = read_pose_json(content, name)
    if not isinstance(frames, dict) or not frames:
        raise UserError("A pose file must be an object of frames", json_kind(frames), name)
    numbers = _frame_numbers(list(frames), name)
    for key, frame in frames.items():
        if not isinstance(frame, dict) or not {str(who).lower() for who in frame} <= set(_PEOPLE):
            rule = "A frame of a pose file must be an object of person1 and person2"
            raise UserError(rule, f"{json_kind(frame)} in frame {key!r}", name)
    found: dict[str, dict[int, np.ndarray]] = {who: {} for who in _PEOPLE}
    for number, frame in zip(numbers, frames.values(), strict=True):
        for who, value in frame.items():
            if value:
                found[who.lower()][number] = coco_person(value, name)
    who = max(_PEOPLE, key=lambda person: len(found[person]))  # the first of equals
    if not found[who]:
        raise UserError("A pose file must show a person", f"{len(frames)} empty frames", name)
    pose = np.full((max(numbers) + 1, NUM_COCO_JOINTS, 3), np.nan)
    for number, joints in found[who].items():
        pose[number] = joints
    check_coco_units(pose, name)
    return pose, ("person2_used",) if who == "person2" else ()


def _frame_numbers(keys: list[str], name: str) -> list[int]:
    """Returns each frame's index from 0, from the last number in its key if all keys have one."""
    matches = [re.search(r"(\d{1,9})\D*$", key) for key in keys]
    if not all(matches):
        return list(range(len(keys)))
    numbers = [int(match[1]) for match in matches if match]
    steps = np.diff(sorted(numbers))  # a writer may have sorted the keys as text: 1, 10, 2
    step = int(steps.min()) if len(steps) else 1  # a pose file may hold every third frame
    if step == 0:
        raise UserError("A pose file must hold each frame once", f"{keys[:3]} ...", name)
    places = [round((number - min(numbers)) / step) for number in numbers]
    if max(places) > _MOST_FRAMES:
        rule = f"A pose file must span at most {_MOST_FRAMES} frames"
        raise UserError(rule, max(places), name)
    return places
