"""A row of a manifest: what it may state, and how it is read."""

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from data_prep.formats.csv_files import CsvRecord
from data_prep.loaders.custom.logger_formats import LOGGER_FORMATS
from data_prep.loaders.custom.recording_paths import recording_path, tells_rate, tells_unit


@dataclass(frozen=True)
class CustomClip:
    """One row of a manifest, or one annotation of a long recording; all fields are JSON values.

    Args:
        place: Where it is written ("manifest.csv, row 3"), for errors.
        clip_id: Unique name.
        subject: Who moved. "column NAME" takes it from a column of a table of many people.
        action: Label of the action; empty for a clip without a label, and for a recording that
            annotations will cut. "none" says that no action is shown: with `--stream_training` it
            trains the class of that name. "column NAME" takes the label from a column; each stretch
            of rows with one subject and action is a clip.
        trial: Which repetition.
        accelerometer_path: File relative to the manifest; empty for a clip with a skeleton alone,
            whose `start` and `end` count from the first frame.
        accelerometer_columns: x, y and z: three names of the header or indices from 0 ("1;2;3" or
            "1-3"), a minus before an axis to turn round ("-ax;az;ay").
        accelerometer_unit: "g", "m/s^2", "mg" or "lsb".
        accelerometer_scale: g per LSB, None for other units.
        accelerometer_rate_hz: Stated rate, None if the stamps alone tell.
        accelerometer_stamp_column: Name or index; empty if the samples are evenly spaced.
        accelerometer_stamp_unit: "s", "ms", "us", "ns", "iso" (date and time, with or without a
            zone) or "clock" (h:mm:ss.mmm; midnight may pass); empty without stamps.
        accelerometer_format: Name of a logger's format, see `LOGGER_FORMATS`; it fills the other
            cells of the accelerometer that are empty.
        accelerometer_skip_rows: Lines above the table that belong to no table.
        accelerometer_rows: Which rows of the file to take ("sensor=ACC", "user=33;activity!=0").
        accelerometer_part: First and last row, counted after `accelerometer_rows`, of a clip cut
            from a table of many; not a column of the manifest.
        accelerometer_range_g: Largest magnitude on one axis that the sensor can measure, in g.
        accelerometer_key: Which array of an .npz or .mat file.
        gyroscope_columns: x, y and z of the turn rate, in the table of the accelerometer and along
            its axes, as `accelerometer_columns`, which must be given, too; none without one.
        gyroscope_unit: "deg/s" or "rad/s"; empty without a gyroscope.
        skeleton_path: File relative to the manifest, or a folder of OpenPose's frames; empty
            without a skeleton.
        skeleton_columns: Columns, joint after joint; none for all of the file. Of a form with
            named points (TRC, c3d, BVH, Vicon CSV), one point for each joint; none takes the
            points named as the joints.
        skeleton_rate_hz: Stated rate; None takes that of the file, and without one the frames span
            the accelerometer's whole recording.
        skeleton_offset: Seconds from the first sample to the first frame; of frames with stamps,
            how much the camera's clock is behind the logger's.
        skeleton_stamp_column: Name or index of the frames' stamps on the logger's clock; empty if
            the frames are evenly spaced.
        skeleton_stamp_unit: As `accelerometer_stamp_unit`.
        skeleton_unit: "m", "cm" or "mm"; "px" in two dimensions; "" takes that of the file.
        skeleton_key: Which array of an .npz or .mat file; which body of a .skeleton file, 1 for
            that in most frames.
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
    accelerometer_format: str = ""
    accelerometer_skip_rows: int = 0
    accelerometer_rows: str = ""
    accelerometer_part: tuple[int, ...] = ()
    accelerometer_range_g: float | None = None
    accelerometer_key: str = ""
    gyroscope_columns: tuple[str, ...] = ()
    gyroscope_unit: str = ""
    skeleton_path: str = ""
    skeleton_columns: tuple[str, ...] = ()
    skeleton_rate_hz: float | None = None
    skeleton_offset: float = 0.0
    skeleton_stamp_column: str = ""
    skeleton_stamp_unit: str = ""
    skeleton_unit: str = ""
    skeleton_key: str = ""
    start: float | None = None
    end: float | None = None
    sensor_place: str = "right_wrist"
    part: str = ""


REQUIRED_COLUMNS = (
    "subject",
    "action",
    "accelerometer_path",
    "accelerometer_unit or accelerometer_format",
)
OPTIONAL_COLUMNS = (
    "clip_id",
    "trial",
    "accelerometer_skip_rows",
    "accelerometer_rows",
    "accelerometer_range_g",
    "accelerometer_scale",
    "accelerometer_rate_hz",
    "accelerometer_stamp_column",
    "accelerometer_stamp_unit",
    "accelerometer_columns",
    "accelerometer_key",
    "gyroscope_columns",
    "gyroscope_unit",
    "skeleton_path",
    "skeleton_rate_hz",
    "skeleton_offset",
    "skeleton_stamp_column",
    "skeleton_stamp_unit",
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
METRIC_UNITS = ("m", "cm", "mm")
TURN_RATE_UNITS = {"deg/s": 1.0, "rad/s": 180.0 / math.pi}  # in degrees per second
_STAMP_UNITS = ("s", "ms", "us", "ns", "iso", "clock")
_MOST_SKIPPED_ROWS = 10_000
_RANGES_G = (0.5, 1000.0)
_RATES_HZ = (1.0, 10_000.0)
_FRAME_RATES_HZ = (1.0, 1000.0)
_MOST_SECONDS = 1e6
_MOST_COLUMNS = 1000


def read_manifest_row(
    record: CsvRecord, folder: Path, for_annotations: bool, skeleton_units: tuple[str, ...]
) -> CustomClip:
    """Returns the clip, or the recording, that a row states.

    Args:
        record: The row.
        folder: The manifest's folder.
        for_annotations: Whether annotations will cut the recording.
        skeleton_units: What a row may state; the first one if it states none.

    Raises:
        UserError: A cell breaks a rule, or names a file that is not there.
    """
    cells = record.cells
    if for_annotations:
        for column in ("action", "start", "end"):
            if cells[column]:
                rule = f"{column} must be empty in a manifest with annotations, which give it"
                raise record.error(rule, cells[column])
    record, logger = _with_format(record, for_annotations)
    cells = record.cells
    if not for_annotations:
        record.text("subject")
    if not cells["accelerometer_path"] and cells["skeleton_path"] and not for_annotations:
        return _skeleton_alone(record, folder, skeleton_units)
    accelerometer_path = recording_path(record, "accelerometer_path", folder)
    unit = _UNITS[record.choice("accelerometer_unit", _UNITS)]
    stamp_column = cells["accelerometer_stamp_column"]
    columns = _columns(record, "accelerometer_columns", count=3)
    if stamp_column and stamp_column in [column.removeprefix("-") for column in columns]:
        rule = "accelerometer_stamp_column must not be one of accelerometer_columns"
        raise record.error(rule, stamp_column)
    turn_columns, turn_unit = _gyroscope(record, (*columns, stamp_column))
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
        accelerometer_stamp_unit=_stamp_unit(record, "accelerometer"),
        accelerometer_format=logger,
        accelerometer_skip_rows=_skip_rows(record),
        accelerometer_rows=_row_filter(record),
        accelerometer_range_g=record.number("accelerometer_range_g", *_RANGES_G),
        accelerometer_key=cells["accelerometer_key"],
        gyroscope_columns=turn_columns,
        gyroscope_unit=turn_unit,
        start=record.number("start", 0.0, _MOST_SECONDS),
        end=record.number("end", 0.0, _MOST_SECONDS),
        sensor_place=cells["sensor_place"] or "right_wrist",
        part=record.choice("part", ("train", "test", "")),
    )
    tells_rate = bool(logger) and LOGGER_FORMATS[logger].tells_rate
    if clip.accelerometer_rate_hz is None and not stamp_column and not tells_rate:
        rule = "accelerometer_rate_hz or accelerometer_stamp_column must be given"
        raise record.error(rule, "neither")
    _check_span(clip, record)
    return _with_skeleton(clip, record, folder, skeleton_units)


def _skeleton_alone(record: CsvRecord, folder: Path, skeleton_units: tuple[str, ...]) -> CustomClip:
    cells = record.cells
    needing = ("accelerometer_columns", "accelerometer_stamp_column", "gyroscope_columns")
    for column in (*needing, "skeleton_offset"):
        if cells[column]:
            raise record.error(f"{column} needs an accelerometer_path", "an empty one")
    states_rate = cells["skeleton_rate_hz"] or cells["skeleton_stamp_column"]
    if not states_rate and not tells_rate(cells["skeleton_path"]):
        rule = "A clip without an accelerometer needs a skeleton_rate_hz or a skeleton_stamp_column"
        raise record.error(rule, "neither")
    clip = CustomClip(
        place=record.place,
        clip_id=cells["clip_id"],
        subject=cells["subject"],
        action=cells["action"],
        trial=cells["trial"],
        accelerometer_path="",
        accelerometer_columns=(),
        accelerometer_unit="",
        start=record.number("start", 0.0, _MOST_SECONDS),
        end=record.number("end", 0.0, _MOST_SECONDS),
        sensor_place=cells["sensor_place"] or "right_wrist",
        part=record.choice("part", ("train", "test", "")),
    )
    _check_span(clip, record)
    return _with_skeleton(clip, record, folder, skeleton_units)


def _check_span(clip: CustomClip, record: CsvRecord) -> None:
    if clip.end is not None and not (clip.start or 0.0) < clip.end:
        raise record.error("start must be before end", f"{clip.start or 0:g} and {clip.end:g}")


def _with_skeleton(
    clip: CustomClip, record: CsvRecord, folder: Path, units: tuple[str, ...]
) -> CustomClip:
    cells = record.cells
    if not cells["skeleton_path"]:
        for column in ("skeleton_rate_hz", "skeleton_offset", "skeleton_columns", "skeleton_key"):
            if cells[column]:
                raise record.error(f"{column} needs a skeleton_path", "an empty one")
        return clip
    rate = record.number("skeleton_rate_hz", *_FRAME_RATES_HZ)
    offset = record.number("skeleton_offset", -_MOST_SECONDS, _MOST_SECONDS)
    stamp_unit = _stamp_unit(record, "skeleton")
    path = recording_path(record, "skeleton_path", folder)
    if offset is not None and rate is None and not stamp_unit and not tells_rate(path):
        rule = "skeleton_offset needs a skeleton_rate_hz (without it both streams span the same)"
        raise record.error(rule, f"{offset:g}")
    if stamp_unit and not cells["skeleton_columns"]:
        rule = "A skeleton_stamp_column needs skeleton_columns, such as 1-60"
        raise record.error(rule, "none")
    # What is no table tells its unit, or is refused when it is read.
    tells = tells_unit(folder / path)
    unit = record.choice(
        "skeleton_unit", (*units, "") if tells else units, "" if tells else units[0]
    )
    return replace(
        clip,
        skeleton_path=path,
        skeleton_columns=_columns(record, "skeleton_columns"),
        skeleton_rate_hz=rate,
        skeleton_offset=offset or 0.0,
        skeleton_stamp_column=cells["skeleton_stamp_column"],
        skeleton_stamp_unit=stamp_unit,
        skeleton_unit=unit,
        skeleton_key=cells["skeleton_key"],
    )


def _scale(record: CsvRecord, unit: str) -> float | None:
    scale = record.number("accelerometer_scale", 1e-9, 1.0)
    if unit == "lsb" and scale is None:
        raise record.error("The unit lsb needs an accelerometer_scale in g per LSB", "none")
    if unit != "lsb" and scale is not None:
        rule = "accelerometer_scale goes with the unit lsb alone"
        raise record.error(rule, f"{scale:g} with {unit}")
    return scale


def _gyroscope(record: CsvRecord, taken: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Returns columns and unit of the turn rates; none and an empty one without a gyroscope."""
    columns = _columns(record, "gyroscope_columns", count=3)
    if not columns:
        if record.cells["gyroscope_unit"]:
            raise record.error("gyroscope_unit needs gyroscope_columns", "none")
        return (), ""
    if not record.cells["accelerometer_columns"]:
        rule = "gyroscope_columns need accelerometer_columns of the same table"
        raise record.error(rule, "none")
    bare = {column.removeprefix("-") for column in taken}
    double = [column for column in columns if column.removeprefix("-") in bare]
    if double:
        rule = "gyroscope_columns must be none of the accelerometer's"
        raise record.error(rule, double[0])
    return columns, record.choice("gyroscope_unit", tuple(TURN_RATE_UNITS))


def _stamp_unit(record: CsvRecord, stream: str) -> str:
    if record.cells[f"{stream}_stamp_column"]:
        return record.choice(f"{stream}_stamp_unit", _STAMP_UNITS)
    if record.cells[f"{stream}_stamp_unit"]:
        rule = f"{stream}_stamp_unit needs {stream}_stamp_column"
        raise record.error(rule, "an empty one")
    return ""


def _with_format(record: CsvRecord, for_annotations: bool) -> tuple[CsvRecord, str]:
    """Returns the row with the cells that its logger's format fills, and the format's name."""
    logger = record.choice("accelerometer_format", (*LOGGER_FORMATS, ""))
    if not logger:
        return record, ""
    filled = {
        name: value
        for name, value in LOGGER_FORMATS[logger].cells().items()
        if not record.cells[name] and not (for_annotations and name in ("subject", "action"))
    }
    return replace(record, cells={**record.cells, **filled}), logger


def _skip_rows(record: CsvRecord) -> int:
    rows = record.number("accelerometer_skip_rows", 0, _MOST_SKIPPED_ROWS) or 0.0
    if rows != int(rows):
        raise record.error("accelerometer_skip_rows must be a whole number", f"{rows:g}")
    return int(rows)


def _row_filter(record: CsvRecord) -> str:
    rows = record.cells["accelerometer_rows"]
    for condition in filter(None, rows.split(";")):
        if not re.fullmatch(r"[^=!]+!?=[^=]+", condition):
            rule = "accelerometer_rows must be conditions such as sensor=ACC;activity!=0"
            raise record.error(rule, condition)
    return rows


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
        cell = record.cells[column]
        meant = f"; did you mean {cell.replace(',', ';')}?" if cell.count(",") == count - 1 else ""
        raise record.error(rule, f"{cell}{meant}")
    bare = [name.removeprefix("-") if count == 3 else name for name in names]
    double = sorted({name for name in bare if bare.count(name) > 1})
    if double:
        raise record.error(f"{column} must name each column once", ", ".join(double))
    return tuple(names)
