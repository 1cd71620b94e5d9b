"""SmartFallMM (Texas State University): daily activities and falls of young and old people.

The accelerometer of watch, phone or a Meta sensor comes from CSV files, the skeleton from an Azure
Kinect. The two were cut separately, so they pair by clip and not by frame.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.clip import STANDARD_GRAVITY, Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile, add_raw_file, find_raw_files
from data_prep.formats.csv_files import read_sensor_csv, whole_lines
from data_prep.formats.text_tables import parsed_number
from data_prep.loader import ClipSource, Discovery, recorded_set, subject_protocol
from data_prep.signals import bridge_frames, even_samples
from data_prep.skeletons import SkeletonLayout
from data_prep.stamps import order_of_stamps

# A01 to A14, as the README of the data set lists them. Stepping up is done by the old alone;
# sitting and the falls by the young alone; A08 is walking (young) or the timed up-and-go (old).
ACTION_NAMES = (
    "drinking_water",
    "picking_up_object",
    "putting_on_and_taking_off_jacket",
    "stepping_up",
    "sweeping_floor",
    "washing_hands",
    "waving_hand",
    "walking_or_timed_up_and_go",
    "sitting_and_standing",
    "falling_backwards",
    "falling_forwards",
    "falling_left",
    "falling_right",
    "falling_with_rotation",
)
GROUPS = ("young", "old")
SKELETON_LAYOUT = "azure_kinect_32"


@dataclass(frozen=True)
class SmartFallMMSensor:
    """The files of one of the sensors.

    Args:
        place: Where it was worn. The side is not known.
        num_columns: Columns of its files.
        unit_in_g: One unit of its files in g.
        nominal_rate_hz: The rate that the README states.
        has_delivery_stamps: Whether its stamps are the times of delivery, in bursts.
    """

    place: str
    num_columns: int
    unit_in_g: float
    nominal_rate_hz: float
    has_delivery_stamps: bool


SENSORS = {
    "watch": SmartFallMMSensor("wrist", 4, 1 / STANDARD_GRAVITY, 32.0, True),
    "meta_wrist": SmartFallMMSensor("wrist", 6, 1.0, 50.0, False),
    "phone": SmartFallMMSensor("phone", 4, 1 / STANDARD_GRAVITY, 32.0, True),
    "meta_hip": SmartFallMMSensor("hip", 6, 1.0, 50.0, False),
}
_FILE_NAME = r"S\d+A\d+T\d+\.csv"
_PATH = (
    r"(?:.*/)?(young|old)(?:[ _]data)?(?:\.zip)?/(?:.*/)?"
    r"(?:accelerometer/({sensor})|(skeleton))/S(\d+)A(\d+)T(\d+)\.csv"
)
_ARCHIVES = ("smartfallmm*.zip", "young*.zip", "old*.zip")
_RATE_HZ = 50.0  # the Meta sensors' rate; about the highest seen from watch and phone
_RANGE_G = 16.0  # of the Meta sensors; no watch or phone of the set is known to reach further
_LARGEST_G = 40.0  # what is above is no measurement: a stamp that slipped
_ClipKey = tuple[str, int, int, int]  # group, subject, action, trial


@dataclass(frozen=True)
class SmartFallMMLoader:
    """SmartFallMM in its official layout, unpacked or in zip archives.

    Watch and phone stamp a sample when they deliver it, in bursts; `respace_stamps` spreads them
    evenly. Rows that cannot be used are dropped, up to a tenth of a file, with the note
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
        """Reads one clip; raises as `Loader.read` does."""
        sensor = SENSORS[self.sensor]
        sources = {}
        item = source.files["accelerometer"]
        content, sources["accelerometer"] = item.read_with_source()
        accelerometer, flags = self._accelerometer(content, item.name)
        skeleton = None
        if "skeleton" in source.files:
            item = source.files["skeleton"]
            content, sources["skeleton"] = item.read_with_source()
            skeleton, notes = read_smartfallmm_skeleton(content, item.name)
            flags += notes
        else:
            flags += ("no_skeleton",)
        return source.clip(
            sensor_place=sensor.place,
            accelerometer=accelerometer,
            skeleton=skeleton,
            sources=sources,
            flags=flags,
            attributes={"group": source.details["group"]},
            range_g=_RANGE_G,
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
            add_raw_file(found, key, item)
        return sensor_files, skeleton_files

    def _description(self, sources: list[ClipSource], num_unused: int) -> DatasetDescription:
        sensor = SENSORS[self.sensor]
        people = dict.fromkeys((source.details["group"], source.subject) for source in sources)
        subjects = [subject for _, subject in people]
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
        return recorded_set(
            sources,
            SkeletonLayout.load(SKELETON_LAYOUT),
            {"accelerometer": _RATE_HZ, "skeleton": 30.0},
            name="smartfallmm",
            title=f"SmartFallMM ({self.sensor})",
            citation="SmartFallMM: A Multimodal Dataset for Enhanced Human Activity Recognition. "
            "Texas State University, github.com/txst-cs-smartfall/SmartFallMM-Dataset.",
            subjects=subjects,
            class_names=list(ACTION_NAMES),
            protocols={
                "cross_subject": subject_protocol(subjects, _test_subjects(people), "macro_f1")
            },
            alignment="clip",
            wrist_place=sensor.place,
            source_notes=notes,
        )


def _test_subjects(people: Collection[tuple[str, str]]) -> list[str]:
    """Returns every third subject of each group, so that both groups test."""
    groups = [[name for group, name in people if group == wanted] for wanted in GROUPS]
    return [name for names in groups for name in names[2::3]]


def _subject_names(keys: list[_ClipKey]) -> dict[tuple[str, int], str]:
    """Returns each subject's name: its number, with its group before it where numbers collide."""
    people = {(group, subject) for group, subject, _, _ in keys}
    numbers = [subject for _, subject in people]
    if len(set(numbers)) == len(numbers):
        return {person: str(person[1]) for person in people}
    return {person: f"{person[0]}_{person[1]}" for person in people}


_RATE_FACTOR = 2.0  # the few files looked at hold about 35 to 52 samples a second at "32 Hz"
_BURST_SECONDS = 0.1
# A burst has steps of nearly 0; without them a stamp is the time of its sample.
_SHORT, _FEW_SHORT = 0.25, 0.02


def respace_stamps(
    stamps: np.ndarray,
    values: np.ndarray,
    nominal_rate_hz: float,
    longest_gap_seconds: float,
    name: str,
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Spreads samples evenly over the time in which they were delivered (ours).

    Watch and phone deliver their buffer in bursts: half a second without a sample, then ten with
    nearly the same stamp. To interpolate between such stamps would stretch one half second and
    compress the next, so only the order of the samples is used. Where that moves a stamp by more
    than `longest_gap_seconds`, or than any pause explains, the rate drifts, and the samples of each
    second are spread on their own. Stamps that do not come in bursts are kept. A gap is a pause
    that the samples delivered after it do not fill.

    Args:
        stamps: float64 (samples,), seconds, in any order, at least 2. Samples that share one keep
            their order and are not merged: a burst has one stamp.
        values: float64 (samples, 3).
        nominal_rate_hz: The nominal rate of the device.
        longest_gap_seconds: How long samples may be missing.
        name: The file's name, for errors.

    Returns:
        The new stamps, float64 (samples,), seconds from 0; the values in the order of their
        stamps; and notes: "stamps_sorted", "stamps_bursty" where a stamp was moved by more than
        0.1 s, "stamps_drifting" where each second was spread on its own, "stamps_compressed" where
        the samples of a clip came at over twice the nominal rate, faster than they can have been
        measured, so that the nominal rate replaces its stamps.

    Raises:
        UserError: The stamps cannot be sorted, there are too few samples for the time (under half
            the nominal rate), or samples are missing for too long.
    """
    order, flags = order_of_stamps(stamps, name)
    stamps, values = stamps[order] - stamps.min(), values[order]
    span = float(stamps[-1])
    steps = len(stamps) - 1
    if steps > _RATE_FACTOR * nominal_rate_hz * span:
        return np.arange(len(stamps)) / nominal_rate_hz, values, (*flags, "stamps_compressed")
    if steps < nominal_rate_hz / _RATE_FACTOR * span:
        rule = f"A clip needs at least {nominal_rate_hz / _RATE_FACTOR:g} samples a second"
        raise UserError(rule, f"{steps / span:.3g}", name)
    even = np.linspace(0.0, span, len(stamps))
    moved = float(np.abs(stamps - even).max())
    _check_pauses(stamps, steps / span, longest_gap_seconds, name)
    # A buffer's samples are at most as old as the pause before its delivery.
    drifts = moved > min(longest_gap_seconds, float(np.diff(stamps).max()) + _BURST_SECONDS)
    if (np.diff(stamps) < _SHORT * span / steps).mean() < _FEW_SHORT:
        return stamps, values, (*flags, "stamps_drifting") if drifts else flags
    if drifts:
        return _spread_by_seconds(stamps), values, (*flags, "stamps_drifting")
    if moved <= _BURST_SECONDS:
        return even, values, flags
    # The first burst was measured before its stamp: the samples after it tell the rate.
    first = int(np.searchsorted(stamps, _BURST_SECONDS, side="right")) - 1
    if first < steps:
        even = np.arange(len(stamps)) * (span - stamps[first]) / (steps - first)
    return even, values, (*flags, "stamps_bursty")


def _check_pauses(stamps: np.ndarray, rate_hz: float, longest_seconds: float, name: str) -> None:
    """Refuses a pause from which more than `longest_seconds` of samples are missing."""
    pauses = np.diff(stamps)
    for before in np.flatnonzero(pauses > longest_seconds):
        start = stamps[before + 1]
        delivered = np.searchsorted(stamps, start + _BURST_SECONDS, side="right") - before - 1
        missing = float(pauses[before] - max(0.0, delivered / rate_hz - _BURST_SECONDS))
        if missing > longest_seconds:
            rule = f"A gap between samples must be bridgeable (at most {longest_seconds:g} s)"
            received = f"{missing:.2f} s without samples after {stamps[before]:.2f} s"
            raise UserError(rule, received, name)


def _spread_by_seconds(stamps: np.ndarray) -> np.ndarray:
    """Returns the stamps with the samples of each second or so evenly spread.

    The seconds end with the last sample of a burst, which was delivered soonest.
    """
    anchors = [0]
    period = stamps[-1] / (len(stamps) - 1)
    for sample in np.flatnonzero(np.diff(stamps) > period / 2):
        if stamps[sample] - stamps[anchors[-1]] >= 1.0:
            anchors.append(int(sample))
    if stamps[-1] - stamps[anchors[-1]] < 1.0 and len(anchors) > 1:
        anchors.pop()
    anchors.append(len(stamps) - 1)
    spread: np.ndarray = np.interp(np.arange(len(stamps)), anchors, stamps[anchors])
    return spread


_NUM_JOINTS = 32
_LARGEST_SHARE_MISSING = 0.1  # ours, as for the rows of the sensors
_LONGEST_RUN = 15  # frames; half a second
_LARGEST_MILLIMETRES = 20_000.0  # the camera sees a body up to about 5 m away
_LONGEST_REACH = 2_000.0  # mm; no joint is further from the pelvis, the first joint


def read_smartfallmm_skeleton(content: bytes, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns the skeleton of one file in metres, y up.

    The camera's y points down and its z away from it; both are turned about x, so that left stays
    left (turning y alone would mirror the body). Rows that hold no body (another number of columns,
    text, NaN, all zero, a joint over 20 m away or over 2 m from the pelvis) are bridged linearly.

    Args:
        content: The file's bytes: 96 columns without a header, millimetres, 30 rows a second.
        name: The file's name, for errors.

    Returns:
        float32 (frames, 32 joints, 3) in metres, and the notes "frames_bridged" where rows
        were and "skeleton_cut" where the last row, without its line break, was left out.

    Raises:
        UserError: The file is empty or has one row, other columns, more than a tenth of its rows
            or more than half a second on end without a body.
    """
    lines, is_cut = whole_lines(content)
    if len(lines) < 2:
        raise UserError("A skeleton file needs at least 2 rows", len(lines), name)
    size = 3 * _NUM_JOINTS
    rows = [line.split(",") for line in lines]
    other = [len(cells) for cells in rows if len(cells) != size]
    if 2 * len(other) > len(rows):
        received = f"{max(set(other), key=other.count)} columns"
        raise UserError(f"A skeleton's row must hold {size} columns", received, name)
    values = np.stack([_row(cells, size) for cells in rows])
    missing = ~_has_body(values)
    if missing.sum() > _LARGEST_SHARE_MISSING * len(rows):
        rule = f"At most {_LARGEST_SHARE_MISSING:.0%} of a skeleton's rows may hold no body"
        raise UserError(rule, f"{missing.sum()} of {len(rows)}", name)
    values, longest = bridge_frames(values, missing)
    if longest > _LONGEST_RUN:
        rule = f"A skeleton may lack its body for at most {_LONGEST_RUN} rows on end"
        raise UserError(rule, longest, name)
    flags = ["frames_bridged"] * bool(missing.any()) + ["skeleton_cut"] * is_cut
    metres = values.reshape(len(rows), _NUM_JOINTS, 3) * [1e-3, -1e-3, -1e-3]
    return metres.astype(np.float32), tuple(flags)


def _has_body(values: np.ndarray) -> np.ndarray:
    is_near = np.abs(values).max(axis=1) <= _LARGEST_MILLIMETRES  # False for NaN
    joints = np.where(is_near[:, None], values, 0.0).reshape(len(values), _NUM_JOINTS, 3)
    reach = np.linalg.norm(joints - joints[:, :1], axis=2).max(axis=1)
    return np.asarray(is_near & values.any(axis=1) & (reach <= _LONGEST_REACH))


def _row(cells: list[str], size: int) -> np.ndarray:
    """Returns the numbers of a row; all NaN if they are none."""
    numbers = [parsed_number(cell) for cell in cells]
    if len(numbers) != size or None in numbers:
        return np.full(size, np.nan)
    return np.array(numbers)
