"""The manifest of a user's own recordings, and the annotations of long ones."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from data_prep.errors import UserError
from data_prep.formats.csv_files import CsvRecord, read_csv_records
from data_prep.formats.tables import TABLE_SUFFIXES


@dataclass(frozen=True)
class CustomClip:
    """One row of a manifest, or one annotation of a long recording; all fields are JSON values.

    Args:
        place: Where it is written ("manifest.csv, row 3"), for errors.
        clip_id: Unique name.
        subject: Who moved.
        action: Label of the action; empty for a recording that annotations will cut.
        trial: Which repetition.
        accelerometer_path: File relative to the manifest.
        accelerometer_columns: Three names of the header or indices from 0 ("1;2;3" or "1-3").
        accelerometer_unit: "g", "m/s^2", "mg" or "lsb".
        accelerometer_scale: g per LSB, None for other units.
        accelerometer_rate_hz: Stated rate, None if the stamps alone tell.
        accelerometer_stamp_column: Name or index; empty if the samples are evenly spaced.
        accelerometer_stamp_unit: "s", "ms", "us" or "ns"; empty without stamps.
        accelerometer_key: Which array of an .npz or .mat file.
        skeleton_path: File relative to the manifest; empty without a skeleton.
        skeleton_columns: Columns, joint after joint; none for all of the file.
        skeleton_rate_hz: Stated rate; None if the frames span the accelerometer's whole recording.
        skeleton_offset: Seconds from the first sample to the first frame.
        skeleton_unit: "m", "cm" or "mm"; "px" of coco_17 in two dimensions.
        skeleton_key: Which array of an .npz or .mat file.
        start: Seconds from the first sample; None for as early as both streams reach.
        end: Seconds from the first sample; None for as late as both streams reach.
        sensor_place: Where the sensor was worn.
        part: "train", "test", or empty if the manifest leaves it to the loader.
    """

    place: str
    clip_id: str
    subject: str
    action: str
    trial: str
    accelerometer_path: str
    accelerometer_columns: tuple[str, ...]
    accelerometer_unit: str
    accelerometer_scale: float | None = None
    accelerometer_rate_hz: float | None = None
    accelerometer_stamp_column: str = ""
    accelerometer_stamp_unit: str = ""
    accelerometer_key: str = ""
    skeleton_path: str = ""
    skeleton_columns: tuple[str, ...] = ()
    skeleton_rate_hz: float | None = None
    skeleton_offset: float = 0.0
    skeleton_unit: str = ""
    skeleton_key: str = ""
    start: float | None = None
    end: float | None = None
    sensor_place: str = "right_wrist"
    part: str = ""


REQUIRED_COLUMNS = ("subject", "action", "accelerometer_path", "accelerometer_unit")
OPTIONAL_COLUMNS = (
    "clip_id",
    "trial",
    "accelerometer_scale",
    "accelerometer_rate_hz",
    "accelerometer_stamp_column",
    "accelerometer_stamp_unit",
    "accelerometer_columns",
    "accelerometer_key",
    "skeleton_path",
    "skeleton_rate_hz",
    "skeleton_offset",
    "skeleton_columns",
    "skeleton_unit",
    "skeleton_key",
    "start",
    "end",
    "sensor_place",
    "part",
    "note",
)
_UNITS = {"g": "g", "mg": "mg", "lsb": "lsb"} | dict.fromkeys(("m/s^2", "m/s2", "m/s²"), "m/s^2")
_STAMP_UNITS = ("s", "ms", "us", "ns")
_RATES_HZ = (1.0, 10_000.0)
_FRAME_RATES_HZ = (1.0, 1000.0)
_MOST_SECONDS = 1e6
_MOST_COLUMNS = 1000


def read_custom_manifest(
    path: str | Path, *, for_annotations: bool = False, skeleton_unit: str = "m"
) -> tuple[list[CustomClip], list[UserError]]:
    """Reads a manifest row by row and checks all that can be checked without the recordings.

    Missing clip_ids become subject_action_trial, missing trials a running number.

    Args:
        path: The manifest, a CSV file of `REQUIRED_COLUMNS` and any of `OPTIONAL_COLUMNS`.
        for_annotations: Whether the rows are recordings that annotations will cut: `action` must
            be empty or absent, `subject` may be, and a missing clip_id becomes the path of the
            accelerometer's file.
        skeleton_unit: Unit of a skeleton whose row states none; "px" allows this unit.

    Returns:
        The rows without a mistake, and the mistakes, one for each other row.

    Raises:
        UserError: The file is missing, no table, or its header breaks a rule.
    """
    required = REQUIRED_COLUMNS[2:] if for_annotations else REQUIRED_COLUMNS
    optional = OPTIONAL_COLUMNS + (REQUIRED_COLUMNS[:2] if for_annotations else ())
    records, errors = read_csv_records(path, required, optional)
    clips = []
    for record in records:
        try:
            clips.append(_clip(record, Path(path).parent, for_annotations, skeleton_unit))
        except UserError as error:
            errors.append(error)
    if not for_annotations:
        clips = named_clips(clips)
    errors += doubled_names(clips)
    return clips, errors


def named_clips(clips: Iterable[CustomClip]) -> list[CustomClip]:
    """Returns the clips with a trial and a clip_id each, made up where there is none.

    The trial is a running number over the clips of the same subject and action; the clip_id is
    subject_action_trial with "-" for anything but letters and digits.
    """
    counts: Counter[tuple[str, str]] = Counter()
    named = []
    for clip in clips:
        counts[clip.subject, clip.action] += 1
        trial = clip.trial or str(counts[clip.subject, clip.action])
        words = [re.sub(r"[^\w.]+|_", "-", word) for word in (clip.subject, clip.action, trial)]
        named.append(replace(clip, trial=trial, clip_id=clip.clip_id or "_".join(words)))
    return named


def doubled_names(clips: Iterable[CustomClip]) -> list[UserError]:
    """Returns an error for each clip whose clip_id an earlier one has."""
    first: dict[str, str] = {}
    errors = []
    for clip in clips:
        if clip.clip_id in first:
            received = f"{clip.clip_id}, also {first[clip.clip_id]}"
            errors.append(UserError("A clip_id must be unique", received, clip.place))
        first.setdefault(clip.clip_id, clip.place)
    return errors


def _clip(record: CsvRecord, folder: Path, for_annotations: bool, skeleton_unit: str) -> CustomClip:
    cells = record.cells
    if for_annotations:
        for column in ("action", "start", "end"):
            if cells[column]:
                rule = f"{column} must be empty in a manifest with annotations, which give it"
                raise record.error(rule, cells[column])
    else:
        record.text("subject")
        record.text("action")
    accelerometer_path = _path(record, "accelerometer_path", folder)
    unit = _UNITS[record.choice("accelerometer_unit", _UNITS)]
    stamp_column = cells["accelerometer_stamp_column"]
    columns = _columns(record, "accelerometer_columns", count=3)
    if stamp_column and stamp_column in columns:
        rule = "accelerometer_stamp_column must not be one of accelerometer_columns"
        raise record.error(rule, stamp_column)
    clip = CustomClip(
        place=record.place,
        clip_id=cells["clip_id"] or (accelerometer_path if for_annotations else ""),
        subject=cells["subject"],
        action=cells["action"],
        trial=cells["trial"],
        accelerometer_path=accelerometer_path,
        accelerometer_columns=columns,
        accelerometer_unit=unit,
        accelerometer_scale=_scale(record, unit),
        accelerometer_rate_hz=record.number("accelerometer_rate_hz", *_RATES_HZ),
        accelerometer_stamp_column=stamp_column,
        accelerometer_stamp_unit=_stamp_unit(record),
        accelerometer_key=cells["accelerometer_key"],
        start=record.number("start", 0.0, _MOST_SECONDS),
        end=record.number("end", 0.0, _MOST_SECONDS),
        sensor_place=cells["sensor_place"] or "right_wrist",
        part=record.choice("part", ("train", "test", "")),
    )
    if clip.accelerometer_rate_hz is None and not stamp_column:
        rule = "accelerometer_rate_hz or accelerometer_stamp_column must be given"
        raise record.error(rule, "neither")
    if clip.end is not None and not (clip.start or 0.0) < clip.end:
        raise record.error("start must be before end", f"{clip.start or 0:g} and {clip.end:g}")
    return _with_skeleton(clip, record, folder, skeleton_unit)


def _with_skeleton(clip: CustomClip, record: CsvRecord, folder: Path, unit: str) -> CustomClip:
    cells = record.cells
    if not cells["skeleton_path"]:
        for column in ("skeleton_rate_hz", "skeleton_offset", "skeleton_columns", "skeleton_key"):
            if cells[column]:
                raise record.error(f"{column} needs a skeleton_path", "an empty one")
        return clip
    rate = record.number("skeleton_rate_hz", *_FRAME_RATES_HZ)
    offset = record.number("skeleton_offset", -_MOST_SECONDS, _MOST_SECONDS)
    if offset is not None and rate is None:
        rule = "skeleton_offset needs a skeleton_rate_hz (without it both streams span the same)"
        raise record.error(rule, f"{offset:g}")
    units = ("m", "cm", "mm", "px") if unit == "px" else ("m", "cm", "mm")
    return replace(
        clip,
        skeleton_path=_path(record, "skeleton_path", folder),
        skeleton_columns=_columns(record, "skeleton_columns"),
        skeleton_rate_hz=rate,
        skeleton_offset=offset or 0.0,
        skeleton_unit=record.choice("skeleton_unit", units, unit),
        skeleton_key=cells["skeleton_key"],
    )


def _path(record: CsvRecord, column: str, folder: Path) -> str:
    name = record.text(column).replace("\\", "/")
    if not name.lower().endswith(TABLE_SUFFIXES):
        raise record.error(f"{column} must end with {', '.join(TABLE_SUFFIXES)}", name)
    if not (folder / name).is_file():
        raise record.error(f"The file of {column} must exist (relative to the manifest)", name)
    return os.path.normpath(name).replace("\\", "/")


def _scale(record: CsvRecord, unit: str) -> float | None:
    scale = record.number("accelerometer_scale", 1e-9, 1.0)
    if unit == "lsb" and scale is None:
        raise record.error("The unit lsb needs an accelerometer_scale in g per LSB", "none")
    if unit != "lsb" and scale is not None:
        rule = "accelerometer_scale goes with the unit lsb alone"
        raise record.error(rule, f"{scale:g} with {unit}")
    return scale


def _stamp_unit(record: CsvRecord) -> str:
    if record.cells["accelerometer_stamp_column"]:
        return record.choice("accelerometer_stamp_unit", _STAMP_UNITS)
    if record.cells["accelerometer_stamp_unit"]:
        rule = "accelerometer_stamp_unit needs an accelerometer_stamp_column"
        raise record.error(rule, "an empty one")
    return ""


def _columns(record: CsvRecord, column: str, count: int | None = None) -> tuple[str, ...]:
    """Returns the names or indices in a cell such as "ax;ay;az", "1;2;3" or "1-60"."""
    names: list[str] = []
    for name in filter(None, (part.strip() for part in record.cells[column].split(";"))):
        bounds = re.fullmatch(r"(\d{1,6})-(\d{1,6})", name)
        names += map(str, range(int(bounds[1]), int(bounds[2]) + 1)) if bounds else [name]
        if len(names) > _MOST_COLUMNS:
            raise record.error(f"{column} may name at most {_MOST_COLUMNS} columns", name)
    if record.cells[column] and count is not None and len(names) != count:
        rule = f"{column} must name {count} columns, divided by semicolons"
        raise record.error(rule, record.cells[column])
    double = sorted({name for name in names if names.count(name) > 1})
    if double:
        raise record.error(f"{column} must name each column once", ", ".join(double))
    return tuple(names)


ANNOTATION_REQUIRED = ("recording", "start", "end", "label")
ANNOTATION_OPTIONAL = ("subject", "note")


def cut_by_annotations(
    path: str | Path, recordings: Sequence[CustomClip]
) -> tuple[list[CustomClip], list[UserError]]:
    """Returns one clip an annotation, in the order of the file.

    Args:
        path: The annotations, a CSV file of `REQUIRED_COLUMNS` and any of `OPTIONAL_COLUMNS`:
            `recording` is a recording's clip_id, or the path of its accelerometer's file as the
            manifest gives it; `start` and `end` are seconds from its first sample.
        recordings: The rows of the manifest.

    Returns:
        The clips, named recording_number, and the mistakes, one for each other row.

    Raises:
        UserError: The file is missing, no table, or its header breaks a rule.
    """
    records, errors = read_csv_records(path, ANNOTATION_REQUIRED, ANNOTATION_OPTIONAL)
    paths = Counter(clip.accelerometer_path for clip in recordings)
    # A path of two rows (two sensors in a file) names neither of them.
    by_name = {
        clip.accelerometer_path: clip for clip in recordings if paths[clip.accelerometer_path] == 1
    }
    by_name |= {clip.clip_id: clip for clip in recordings}
    numbers: Counter[str] = Counter()
    clips = []
    for record in records:
        try:
            clip = _annotated_clip(record, by_name)
        except UserError as error:
            errors.append(error)
            continue
        numbers[clip.clip_id] += 1
        name = clip.clip_id.replace("/", "-")
        clips.append(replace(clip, clip_id=f"{name}_{numbers[clip.clip_id]:03d}"))
    clips = named_clips(clips)
    return clips, errors + doubled_names(clips)


def _annotated_clip(record: CsvRecord, recordings: dict[str, CustomClip]) -> CustomClip:
    recording = recordings.get(record.text("recording"))
    if recording is None:
        rule = "recording must be a clip_id or an accelerometer_path of the manifest"
        raise record.error(rule, record.cells["recording"])
    bounds = []
    for column in ("start", "end"):
        record.text(column)  # so that it is not empty
        bounds.append(record.number(column, 0.0, 1e6) or 0.0)
    start, end = bounds
    if not start < end:
        raise record.error("start must be before end", f"{start:g} and {end:g}")
    subject = record.cells["subject"] or recording.subject
    if not subject:
        rule = "The annotation or its recording must name the subject"
        raise record.error(rule, "neither")
    return replace(
        recording,
        place=record.place,
        subject=subject,
        action=record.text("label"),
        trial="",
        start=start,
        end=end,
    )
