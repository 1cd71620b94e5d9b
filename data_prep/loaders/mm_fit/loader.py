"""MM-Fit (Strömbäck, Huang and Radu, IMWUT 2020): workouts with two watches and a camera.

Files, columns, joints, people and parts are those that the authors' starter code and its notebook
state. A frame number of the camera joins all streams: each row of a watch carries one, and a label
has the first and the last frame of its set. What is not stated, or stated in two ways, is read from
the data of a workout, and noted where it is not as expected: the unit of the accelerometer (m/s^2),
unit (mm) and vertical axis (z) of the pose, and which of its columns are the left side
(`streams.py`).
"""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_prep.clip import NULL_ACTION, NULL_LABEL, Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile, ReadOnce, add_raw_file, find_raw_files
from data_prep.formats.text_tables import did_you_mean
from data_prep.loader import ClipSource, Discovery, column_protocol, recorded_set, subject_protocol
from data_prep.loaders.mm_fit.streams import (
    FRAMES_A_SECOND,
    LAYOUT,
    RATE_HZ,
    PoseRecording,
    WatchRecording,
)
from data_prep.loaders.spans import SHORTEST_GAP_SECONDS, Span, ordered_spans, with_gaps

ACTION_NAMES = (
    "squats",
    "lunges",
    "bicep_curls",
    "situps",
    "pushups",
    "tricep_extensions",
    "dumbbell_rows",
    "jumping_jacks",
    "dumbbell_shoulder_press",
    "lateral_shoulder_raises",
)
# The participant of each workout, 00 to 20, and the authors' part of each.
PARTICIPANTS = (2, 0, 1, 0, 1, 2, 0, 1, 0, 1, 0, 1, 3, 4, 0, 1, 5, 6, 7, 8, 9)
PARTS = {
    "train": (1, 2, 3, 4, 6, 7, 8, 16, 17, 18),
    "validation": (14, 15, 19),
    "known_people": (9, 10, 11),
    "new_people": (0, 5, 12, 13, 20),
}
SENSORS = {"right_wrist": "sw_r_acc", "left_wrist": "sw_l_acc"}
_FILE_NAME = r"w\d\d_(?:{sensor}\.npy|pose_3d\.npy|labels\.csv)"
_ARCHIVES = ("mm-fit*.zip", "mm_fit*.zip", "mmfit*.zip")


@dataclass(frozen=True)
class MMFitLoader:
    """The workouts of MM-Fit, unpacked or in a zip archive; a set of an exercise is a clip.

    A workout is `wNN/wNN_sw_r_acc.npy`, `wNN_labels.csv` and, where there is one,
    `wNN_pose_3d.npy`. What lies between two sets for at least 2 s is "none" (the authors'
    non-activity), which is no class. A workout without this watch is left out, and named in the
    notes of the set. A clip without a pose, or without the person for over half a second, is kept
    with the note "no_skeleton".

    Args:
        raw_dir: Folder of the download; any depth, any case.
        sensor: "right_wrist" or "left_wrist": the watch to read.
        longest_gap_seconds: A longer gap between samples makes a clip bad.
        gaps_are_none: Whether to read what lies between the sets.

    Raises:
        UserError: The sensor is unknown.
    """

    raw_dir: str | Path
    sensor: str = "right_wrist"
    longest_gap_seconds: float = 1.0
    gaps_are_none: bool = True

    def __post_init__(self) -> None:
        if self.sensor not in SENSORS:
            raise UserError(f"The sensor must be one of {', '.join(SENSORS)}", self.sensor)

    def discover(self) -> Discovery:
        """Finds the sets of all workouts, ordered by workout and time; reads the labels alone."""
        found = self._files()
        wanted = SENSORS[self.sensor]
        workouts = sorted(number for number, kind in found if kind == wanted)
        if not workouts:
            rule = f"MM-Fit needs files named w00/w00_{wanted}.npy and w00/w00_labels.csv"
            raise UserError(rule, "none", self.raw_dir)
        sources = []
        for workout in workouts:
            labels = found.get((workout, "labels"))
            if labels is None:
                rule = f"A workout of MM-Fit needs its labels, w{workout:02d}_labels.csv"
                raise UserError(rule, "none", found[workout, wanted].name)
            files = {"accelerometer": found[workout, wanted]}
            if (workout, "pose_3d") in found:
                files["skeleton"] = found[workout, "pose_3d"]
            sources += self._sources(workout, labels, files)
        missing = sorted({number for number, _ in found} - set(workouts))
        used = [found[workout, "labels"] for workout in workouts]
        return Discovery(self._description(sources, missing, used), sources)

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; raises as `Loader.read` does."""
        first, last = source.details["frames"]
        item = source.files["accelerometer"]
        name = f"{item.name}, frames {first} to {last}"
        watch, hashed = self._read_once.read(
            item, item, name, lambda content: WatchRecording.read(content, item.name)
        )
        sources = {"accelerometer": hashed}
        accelerometer, covered, flags = watch.cut(first, last, self.longest_gap_seconds, name)
        skeleton = None
        if "skeleton" in source.files:
            item = source.files["skeleton"]
            pose, sources["skeleton"] = self._read_once.read(
                item, item, item.name, lambda content: PoseRecording.read(content, item.name)
            )
            skeleton, notes = pose.cut(*covered)
            flags += notes
        if skeleton is None:
            flags += ("no_skeleton",)
            sources.pop("skeleton", None)
        return source.clip(
            sensor_place=self.sensor,
            accelerometer=accelerometer,
            skeleton=skeleton,
            sources=sources,
            flags=flags,
            attributes={name: source.details[name] for name in ("part", "workout")},
        )

    @cached_property
    def _read_once(self) -> ReadOnce:
        return ReadOnce()

    def _files(self) -> dict[tuple[int, str], RawFile]:
        """Returns the files by workout and kind (the watch, "pose_3d", "labels")."""
        pattern = _FILE_NAME.format(sensor=SENSORS[self.sensor])
        found: dict[tuple[int, str], RawFile] = {}
        for item in find_raw_files(self.raw_dir, pattern, _ARCHIVES):
            workout = int(item.base_name[1:3])
            if workout >= len(PARTICIPANTS):
                rule = f"MM-Fit has workouts 00 to {len(PARTICIPANTS) - 1}"
                raise UserError(rule, workout, item.name)
            add_raw_file(found, (workout, item.base_name[4:-4].lower()), item)
        return found

    def _sources(
        self, workout: int, labels: RawFile, files: dict[str, RawFile]
    ) -> list[ClipSource]:
        spans = read_mm_fit_labels(labels.read(), labels.name)
        if self.gaps_are_none:
            spans = with_gaps(spans, SHORTEST_GAP_SECONDS * FRAMES_A_SECOND)
        part = next(name for name, workouts in PARTS.items() if workout in workouts)
        return [
            ClipSource(
                clip_id=f"w{workout:02d}_{number:03d}_{span.label}",
                subject=str(PARTICIPANTS[workout]),
                action=(
                    NULL_ACTION if span.label == NULL_LABEL else ACTION_NAMES.index(span.label)
                ),
                trial=str(number),
                files=files,
                details={
                    "frames": [int(span.start), int(span.end)],
                    "part": part,
                    "workout": f"w{workout:02d}",
                },
            )
            for number, span in enumerate(spans, start=1)
        ]

    def _description(
        self, sources: list[ClipSource], missing: list[int], labels: list[RawFile]
    ) -> DatasetDescription:
        posed = {source.details["workout"] for source in sources if "skeleton" in source.files}
        bare = sorted({source.details["workout"] for source in sources} - posed)
        notes = [
            "people and parts are the authors'; cross_subject also trains on the workouts that "
            "they keep for validation and for tests on known people",
            "the 3-D pose is estimated from the camera; its vertical axis and its left side are "
            "found in the data of each workout",
        ]
        for what, names in (
            (f"the watch of the {self.sensor}", [f"w{number:02d}" for number in missing]),
            ("a 3-D pose", bare),
        ):
            if names:
                notes.append(f"workouts without {what}: {', '.join(names)}")
        return recorded_set(
            sources,
            LAYOUT,
            {"accelerometer": RATE_HZ, "skeleton": FRAMES_A_SECOND},
            labels,
            name="mm_fit",
            title=f"MM-Fit ({self.sensor})",
            citation="D. Strömbäck, S. Huang, V. Radu: MM-Fit: Multimodal Deep Learning for "
            "Automatic Exercise Logging across Sensing Devices. Proc. ACM Interact. Mob. "
            "Wearable Ubiquitous Technol. 4 (4), 168, 2020.",
            subjects=sorted({source.subject for source in sources}),
            class_names=list(ACTION_NAMES),
            protocols=_protocols(sources),
            wrist_place=self.sensor,
            source_notes=notes,
        )


def _protocols(sources: list[ClipSource]) -> dict[str, dict[str, Any]]:
    subjects = sorted({source.subject for source in sources})
    new = {str(PARTICIPANTS[workout]) for workout in PARTS["new_people"]}

    return {
        "cross_subject": subject_protocol(subjects, new, "accuracy"),
        **{
            name: column_protocol("part", ["train"], [part], "accuracy", leaks)
            for name, part, leaks in (
                ("new_people", "new_people", False),
                ("known_people", "known_people", True),
                ("authors_validation", "validation", True),
            )
        },
    }


def read_mm_fit_labels(content: bytes, name: str) -> list[Span]:
    """Returns the sets of a workout, in frames and ordered by their start.

    Args:
        content: The file's bytes: first frame, last frame, repetitions, exercise; no header.
        name: The file's name, for errors.

    Raises:
        UserError: A row is no such row, names an unknown exercise, or overlaps another.
    """
    text = content.decode("utf-8-sig", errors="replace")
    spans = []
    for row, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.split(",")]
        place = f"{name}, row {row}"
        if not any(cells):
            continue
        if len(cells) != 4 or not all(re.fullmatch(r"\d{1,9}", cell) for cell in cells[:3]):
            rule = "A row must hold the first frame, the last frame, repetitions and exercise"
            raise UserError(rule, line[:60], place)
        if cells[3] not in ACTION_NAMES:
            meant = did_you_mean(cells[3], ACTION_NAMES)
            rule = f"An exercise must be one of {', '.join(ACTION_NAMES)}"
            raise UserError(rule, f"{cells[3][:40]}{meant}", place)
        spans.append(Span(int(cells[0]), int(cells[1]), cells[3], place))
    return ordered_spans(spans, name)
