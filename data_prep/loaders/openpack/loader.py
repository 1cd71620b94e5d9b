"""OpenPack (Yoshimura et al., PerCom 2024): packing work with four worn sensors and a Kinect.

Folders, columns, places of the sensors, operations, recording errors and the split of the challenge
are those of the authors' public documentation (openpack-dataset: docs/data-stream, docs/tutorials;
openpack-toolkit: dataset-structure/v1.0.0, docs/ANNOTATION, docs/DATA_SPLIT, docs/openpack-dataset/
data-collection, configs/user). Order and axes of the 3-D joints are those of Microsoft's
documentation of Azure Kinect body tracking. All streams carry milliseconds since 1970.
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
from data_prep.formats.csv_files import CsvRecord, csv_records
from data_prep.loader import ClipSource, Discovery, column_protocol, recorded_set, subject_protocol
from data_prep.loaders.openpack.streams import (
    FRAMES_A_SECOND,
    LAYOUTS,
    RANGE_G,
    RATE_HZ,
    PoseRecording,
    SensorRecording,
)
from data_prep.loaders.spans import SHORTEST_GAP_SECONDS, Span, cut_notes, ordered_spans, with_gaps
from data_prep.stamps import stamp_seconds
from data_prep.stream_pairs import even_pair

# The authors' id of each operation; 8100 is Null, 8200 a system error that counts as Null.
OPERATIONS = {
    "100": "picking",
    "200": "relocate_item_label",
    "300": "assemble_box",
    "400": "insert_items",
    "500": "close_box",
    "600": "attach_box_label",
    "700": "scan_label",
    "800": "attach_shipping_label",
    "900": "put_on_back_table",
    "1000": "fill_out_order",
}
_NULL_IDS = ("8100", "8200")
ACTION_NAMES = tuple(OPERATIONS.values())
SENSORS = {"right_wrist": 1, "left_wrist": 2, "right_arm": 3, "left_arm": 4}  # atr01 to atr04
# People who came twice have two numbers, months apart.
SAME_PERSON = {
    "U0202": "U0105",
    "U0203": "U0108",
    "U0204": "U0110",
    "U0205": "U0107",
    "U0210": "U0103",
}
# The OpenPack Challenge 2022: the sessions of each part.
_TRAINING_USERS = (
    *("U0101", "U0102", "U0103", "U0105", "U0106", "U0107", "U0109", "U0111", "U0202", "U0205"),
    "U0210",
)
_TEST_USERS = ("U0102", "U0106", "U0202", "U0210")
PARTS: dict[str, dict[str, tuple[int, ...]]] = {
    "train": dict.fromkeys(_TRAINING_USERS, (1, 2, 4, 5)),
    "validation": {name: (3,) for name in _TRAINING_USERS if name not in _TEST_USERS},
    "test": dict.fromkeys(_TEST_USERS, (3,)),
    "submission": {
        "U0104": (1, 3),
        "U0108": (1, 2, 3, 5),
        "U0110": (1, 2, 3, 4, 5),
        "U0203": (1, 2, 3, 4, 5),
        "U0204": (2, 3, 4),
        "U0207": (3, 4, 5),
    },
}
# Sensors that did not work, were worn in the wrong direction or exchanged, by the authors' list.
KNOWN_ERRORS = {
    ("U0103", "S0100"): (1, 2, 3, 4),
    ("U0103", "S0300"): (3,),
    ("U0103", "S0400"): (3,),
    ("U0104", "S0200"): (3, 4),
    ("U0104", "S0400"): (3, 4),
    ("U0107", "S0400"): (1, 3),  # the list names one in its column and the other in its text
    ("U0108", "S0400"): (1, 2, 3, 4),
    ("U0201", "S0200"): (1, 2, 3, 4),
    ("U0201", "S0500"): (2,),
    ("U0204", "S0100"): (2,),
    ("U0204", "S0500"): (2,),
    ("U0207", "S0100"): (2,),
    ("U0207", "S0200"): (3,),
    ("U0209", "S0400"): (3,),
    ("U0209", "S0500"): (3,),
}
_FOLDERS = {
    "operations": r"annotation/openpack-operations",
    "sensor": r"atr/atr0{sensor}",
    "kinect_3d": r"kinect/3d-kpt/(?:k4abt/)?single-ffill-flip-fixed",
    "kinect_2d": r"kinect/2d-kpt/[^/]+/single",
}
_PATH = r"(?:.*/)?(U\d{{4}})(?:\.zip)?/{folder}/(S\d{{4}})\.(?:csv|json)"
_Session = tuple[str, str]  # user, session


@dataclass(frozen=True)
class OpenPackLoader:
    """The sessions of OpenPack, unpacked or as `U0101.zip`, ...; an operation is a clip.

    A session is `U0101/atr/atr01/S0100.csv`, `U0101/annotation/openpack-operations/S0100.csv` and,
    where there is one, the pose in 3-D, `U0101/kinect/3d-kpt/single-ffill-flip-fixed/S0100.csv`, or
    in 2-D, `U0101/kinect/2d-kpt/<model>/single/S0100.json`. An operation annotated as Null, and
    what lies between two operations for at least 2 s, is "none", which is no class. A session
    without this sensor or without annotations is left out, and named in the notes of the set.
    A subject is a person, who may have two numbers (`SAME_PERSON`); the manifest's column `user`
    has the number. Clips of a session in `KNOWN_ERRORS` have the note "known_error". A clip without
    a pose, or without the worker for over half a second, is kept with the note "no_skeleton".

    Args:
        raw_dir: Folder of the download; any depth, any case.
        sensor: "right_wrist", "left_wrist", "right_arm" or "left_arm".
        skeleton_source: "kinect_3d" (32 joints in metres) or "kinect_2d" (17 in body-scaled
            metres, see `body_scaled_pose`).
        longest_gap_seconds: A longer gap between samples makes a clip bad.
        gaps_are_none: Whether to read what lies between the operations, and Null.

    Raises:
        UserError: The sensor or the skeleton source is unknown.
    """

    raw_dir: str | Path
    sensor: str = "right_wrist"
    skeleton_source: str = "kinect_3d"
    longest_gap_seconds: float = 1.0
    gaps_are_none: bool = True

    def __post_init__(self) -> None:
        for option, value, known in (
            ("sensor", self.sensor, SENSORS),
            ("skeleton_source", self.skeleton_source, LAYOUTS),
        ):
            if value not in known:
                raise UserError(f"The {option} must be one of {', '.join(known)}", value)

    def discover(self) -> Discovery:
        """Finds the operations, ordered by person, session and time; reads the annotations."""
        sensors, operations, poses = (
            self._files(kind) for kind in ("sensor", "operations", self.skeleton_source)
        )
        sessions = sorted(sensors.keys() & operations.keys())
        if not sessions:
            rule = (
                f"OpenPack needs files named U0101/atr/atr0{SENSORS[self.sensor]}/S0100.csv and "
                "U0101/annotation/openpack-operations/S0100.csv"
            )
            raise UserError(rule, "none", self.raw_dir)
        sources = []
        for session in sessions:
            item = operations[session]
            files = {"inertial": sensors[session]}
            if session in poses:
                files["skeleton"] = poses[session]
            spans = read_openpack_operations(item.read(), item.name, *session)
            sources += self._sources(session, spans, files)
        notes = [
            "skeleton: the vertical axis is that of the camera",
            *_session_notes("this sensor", operations.keys() - sensors.keys()),
            *_session_notes("annotations", sensors.keys() - operations.keys()),
            *_session_notes("a pose", set(sessions) - poses.keys()),
        ]
        read = [operations[session] for session in sessions]
        return Discovery(self._description(sources, read, notes), sources)

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; raises as `Loader.read` does."""
        start, end = source.details["seconds"]
        item = source.files["inertial"]
        name = f"{item.name}, operation {source.trial}"
        recording, hashed = self._read_once.read(
            item, item, name, lambda content: SensorRecording.read(content, item.name)
        )
        sources = {"accelerometer": hashed, "gyroscope": hashed}
        sensor, flags = recording.cut(start, end, self.longest_gap_seconds, name)
        session = (source.details["user"], source.details["session"])
        if SENSORS[self.sensor] in KNOWN_ERRORS.get(session, ()):
            flags += ("known_error",)
        frames = None
        if "skeleton" in source.files:
            item = source.files["skeleton"]
            pose, sources["skeleton"] = self._read_once.read(
                item,
                item,
                item.name,
                lambda content: PoseRecording.read(content, item.name, self.skeleton_source),
            )
            frames, notes = pose.cut(float(sensor.stamps[0]), float(sensor.stamps[-1]))
            flags += notes
        if frames is None:
            flags += ("no_skeleton",)
            sources.pop("skeleton", None)
        pair = even_pair(sensor, frames)
        flags += cut_notes(start, end, pair.start, pair.end)
        return source.clip(
            sensor_place=self.sensor,
            accelerometer=pair.sensor[:, :3],
            gyroscope=pair.sensor[:, 3:],
            skeleton=pair.skeleton,
            sources=sources,
            flags=flags,
            attributes={name: source.details[name] for name in ("part", "session", "user")},
            range_g=RANGE_G,
        )

    @cached_property
    def _read_once(self) -> ReadOnce:
        return ReadOnce()

    def _files(self, kind: str) -> dict[_Session, RawFile]:
        folder = _FOLDERS[kind].format(sensor=SENSORS[self.sensor])
        path = re.compile(_PATH.format(folder=folder), re.IGNORECASE)
        found: dict[_Session, RawFile] = {}
        for item in find_raw_files(self.raw_dir, r"S\d{4}\.(?:csv|json)", ("u????.zip",)):
            if match := path.fullmatch(item.name):
                add_raw_file(found, (match[1].upper(), match[2].upper()), item)
        return found

    def _sources(
        self, session: _Session, spans: list[Span], files: dict[str, RawFile]
    ) -> list[ClipSource]:
        if self.gaps_are_none:
            spans = with_gaps(spans, SHORTEST_GAP_SECONDS)
        else:
            spans = [span for span in spans if span.label != NULL_LABEL]
        user, name = session
        details = {"part": part_of_session(user, name), "session": name, "user": user}
        return [
            ClipSource(
                clip_id=f"{user}_{name}_{number:03d}_{span.label}",
                subject=SAME_PERSON.get(user, user),
                action=(
                    NULL_ACTION if span.label == NULL_LABEL else ACTION_NAMES.index(span.label)
                ),
                trial=str(number),
                files=files,
                details={"seconds": [span.start, span.end], **details},
            )
            for number, span in enumerate(spans, start=1)
        ]

    def _description(
        self, sources: list[ClipSource], operations: list[RawFile], notes: list[str]
    ) -> DatasetDescription:
        return recorded_set(
            sources,
            LAYOUTS[self.skeleton_source],
            {"accelerometer": RATE_HZ, "gyroscope": RATE_HZ, "skeleton": FRAMES_A_SECOND},
            operations,
            name="openpack",
            title=f"OpenPack ({self.sensor}, {self.skeleton_source})",
            citation="N. Yoshimura, J. Morales, T. Maekawa, T. Hara: OpenPack: A Large-scale "
            "Dataset for Recognizing Packaging Works in IoT-enabled Logistic Environments. IEEE "
            "PerCom 2024.",
            subjects=sorted({source.subject for source in sources}),
            class_names=list(ACTION_NAMES),
            protocols=_protocols(sources),
            wrist_place=self.sensor,
            source_notes=notes,
        )


def part_of_session(user: str, session: str) -> str:
    """Returns the part of a session in the challenge of 2022, "other" if it has none.

    Args:
        user: Such as "U0101".
        session: Such as "S0100".
    """
    number = int(session[1:]) // 100
    return next((part for part, own in PARTS.items() if number in own.get(user, ())), "other")


def _session_notes(what: str, sessions: set[_Session]) -> list[str]:
    names = ", ".join(sorted(f"{user}-{session}" for user, session in sessions))
    return [f"sessions without {what}: {names}"] if names else []


def _protocols(sources: list[ClipSource]) -> dict[str, dict[str, Any]]:
    subjects = sorted({source.subject for source in sources})
    new = {SAME_PERSON.get(user, user) for user in PARTS["submission"]}
    return {
        "cross_subject": subject_protocol(subjects, new, "macro_f1"),
        **{
            name: column_protocol("part", ["train"], [part], "macro_f1", leaks)
            for name, part, leaks in (
                ("challenge", "submission", False),
                ("challenge_test", "test", True),
                ("challenge_validation", "validation", True),
            )
        },
    }


_REQUIRED = ("user", "session", "id", "start", "end")
_OPTIONAL = ("uuid", "box", "operation", "actions")


def read_openpack_operations(content: bytes, name: str, user: str, session: str) -> list[Span]:
    """Returns the operations of a session, in seconds since 1970 and ordered by their start.

    Args:
        content: The file's bytes: a csv file with the columns user, session, id, start and end, the
            last two as date and time with their zone.
        name: The file's name, for errors.
        user: Whose file it is by its folder.
        session: Which session it is by its name.

    Raises:
        UserError: A row breaks a rule, belongs to another session, or overlaps another.
    """
    records, errors = csv_records(content, _REQUIRED, _OPTIONAL, name)
    if errors:
        raise errors[0]
    spans = []
    for record in records:
        own = f"{record.text('user')}-{record.text('session')}"
        if own.upper() != f"{user}-{session}":
            raise record.error(f"A row must belong to {user}-{session}", own)
        label = OPERATIONS.get(record.choice("id", (*OPERATIONS, *_NULL_IDS)), NULL_LABEL)
        spans.append(Span(_moment(record, "start"), _moment(record, "end"), label, record.place))
    return ordered_spans(spans, name)


def _moment(record: CsvRecord, column: str) -> float:
    seconds = stamp_seconds(record.text(column))
    if seconds is None:
        raise record.error(f"{column} must be a date and time", record.cells[column])
    return seconds
