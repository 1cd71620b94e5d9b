"""Guesses of what a file of a logger or a camera holds, and how sure they are.

`guess_recording` looks at the first megabyte of a file: known loggers by what their files begin
with, others by names of columns, steps of stamps, and the magnitude of gravity. All rules are ours.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from data_prep.column_guess import (
    REST_TOLERANCE,
    SOME_RATE_HZ,
    accelerometer_rows,
    column_name,
    guess_axes,
    guess_stamps,
    guess_turn_rates,
    guess_unit,
    rate_of_stamps,
)
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile
from data_prep.formats.marker_files import MOTION_SUFFIXES, is_vicon_csv
from data_prep.formats.text_tables import (
    TEXT_SUFFIXES,
    TextTable,
    decoded_lines,
    parsed_number,
    read_text_table,
)
from data_prep.loaders.custom.accelerometer import G_PER_UNIT
from data_prep.loaders.custom.logger_formats import LOGGER_FORMATS
from data_prep.loaders.custom.manifest_row import CustomClip
from data_prep.loaders.custom.raw_samples import (
    named_turn_unit,
    named_unit,
    read_raw_samples,
)
from data_prep.loaders.custom.skeleton_files import read_motion
from data_prep.plausibility import gravity_at_rest, gravity_doubt, turned_degrees

SURE, LIKELY, UNSURE = "sure", "likely", "unsure"
_HEAD_BYTES = 2**20
_SIGNATURE_CHARACTERS = 4096
_MOST_MEDIAN_G = 4.0  # the limit of `check_clip`


@dataclass(frozen=True, eq=False)
class RecordingGuess:
    """What a file seems to hold.

    Args:
        kind: "accelerometer", "skeleton" or "other".
        form: What files of this kind have in common, in words.
        cells: Cells of a manifest's row that describe the file.
        sureness: "sure", "likely" or "unsure".
        reason: Why.
        rate_hz: Samples a second, None if the file does not tell.
        mean: (3,) mean vector of the accelerometer in g.
    """

    kind: str
    form: str
    cells: Mapping[str, str] = field(default_factory=dict)
    sureness: str = UNSURE
    reason: str = ""
    rate_hz: float | None = None
    mean: np.ndarray | None = None


def guess_recording(path: Path) -> RecordingGuess:
    """Guesses what a file holds.

    Args:
        path: A text file, an .npy file, a file of motion capture, or a folder of frames of
            OpenPose; of others nothing is guessed.

    Returns:
        The guess; of a file that cannot be read "other", with the reason.
    """
    suffix = path.suffix.lower()
    try:
        motion = _guess_motion(path, suffix)
        if motion is not None:
            return motion
        if suffix == ".npy":
            return _guess_array(np.load(path, mmap_mode="r", allow_pickle=False))
        if suffix not in TEXT_SUFFIXES:
            return RecordingGuess("other", f"{suffix or 'no ending'}: no kind that is looked into")
        with open(path, "rb") as stream:
            content = stream.read(_HEAD_BYTES)
        if len(content) == _HEAD_BYTES:
            content = content[: content.rfind(b"\n") + 1]
        return _guess_logger(content, suffix) or _guess_text(content, suffix)
    except UserError as error:
        return RecordingGuess("other", "no table of numbers", reason=error.reason)
    except Exception as error:  # numpy raises nearly anything for a damaged file
        return RecordingGuess("other", "unreadable", reason=f"{type(error).__name__}: {error}")


def with_gyroscope(path: Path, guess: RecordingGuess) -> RecordingGuess:
    """Adds the gyroscope's columns of the same table to the guess of an accelerometer's file.

    The unit is that of the header; else the one in which the gyroscope turns as far as gravity.

    Args:
        path: The file.
        guess: What it seems to hold.

    Returns:
        The guess, unsure where the unit is not known; the same where no columns are a gyroscope's.
    """
    if path.suffix.lower() not in TEXT_SUFFIXES or "accelerometer_columns" not in guess.cells:
        return guess
    with open(path, "rb") as stream:
        content = stream.read(_HEAD_BYTES)
    content = content[: content.rfind(b"\n") + 1]
    skip_rows = int(guess.cells.get("accelerometer_skip_rows", 0))
    table = read_text_table(content, "the file", skip_rows)
    table = table.filtered(guess.cells.get("accelerometer_rows", ""))
    numeric = [column for column in range(table.num_columns) if _is_numeric(table, column)]
    axes = guess_turn_rates(table, numeric)
    if axes is None:
        return guess
    header = table.header or []
    names = ";".join(column_name(header, column) for column in axes)
    (told, *others) = {named_turn_unit(header[column]) for column in axes}
    acceleration = table.indices(guess.cells["accelerometer_columns"].split(";"))
    turned = turned_degrees(
        table.numbers(acceleration), table.numbers(axes), guess.rate_hz or SOME_RATE_HZ
    )
    unit, reason = "deg/s", "its unit is not known: deg/s or rad/s?"
    if told is not None and not others:
        unit, reason = told, f"in {told} by its name"
    elif turned is not None:
        unit = "deg/s" if turned[1] > _TURN_SHARE * turned[0] else "rad/s"
        reason = f"in {unit}, as gravity turns by {turned[0]:.0f} degrees"
    return replace(
        guess,
        cells={**guess.cells, "gyroscope_columns": names, "gyroscope_unit": unit},
        sureness=UNSURE if "?" in reason else guess.sureness,
        reason=f"{guess.reason}; gyroscope {names} {reason}",
    )


_TURN_SHARE = (
    0.25  # in rad/s a gyroscope would turn by a 57th of what gravity does, or a little more
)


def _guess_logger(content: bytes, suffix: str) -> RecordingGuess | None:
    """Returns the guess of a file that begins as those of a known logger, else None."""
    head = "\n".join(decoded_lines(content, "the file"))[:_SIGNATURE_CHARACTERS]
    for name, logger in LOGGER_FORMATS.items():
        if not re.search(logger.signature, head, re.IGNORECASE | re.MULTILINE):
            continue
        cells = {"accelerometer_format": name}
        if name == "physics_toolbox" and re.search(r"^\d+:\d\d:\d\d", head, re.MULTILINE):
            cells["accelerometer_stamp_unit"] = "clock"
        try:
            measured = _measure(content, suffix, logger.cells() | cells)
        except UserError:
            continue
        form = f"{name} ({logger.unit})"
        if measured.fits:
            sureness = SURE if logger.is_unique else LIKELY
            begins = "its beginning" if logger.is_unique else "its form, which others have too"
            reason = f"{begins}, and {measured.text}"
            return RecordingGuess(
                "accelerometer", form, cells, sureness, reason, measured.rate_hz, measured.mean
            )
        if logger.is_unique:
            return RecordingGuess("other", f"{form} without 1 g", reason=measured.text)
    return None


@dataclass(frozen=True, eq=False)
class _Measured:
    """Magnitudes in g; `text` says what they are and `fits` whether they are those of a sensor."""

    rate_hz: float | None
    mean: np.ndarray
    rest: float | None
    fits: bool
    text: str


def _measure(content: bytes, suffix: str, cells: Mapping[str, str]) -> _Measured:
    clip = _clip(cells)
    samples = read_raw_samples(content, clip, suffix, "the file")
    values = samples.values * (clip.accelerometer_scale or G_PER_UNIT[clip.accelerometer_unit])
    rate_hz = clip.accelerometer_rate_hz or samples.rate_hz
    if samples.stamps is not None:
        rate_hz = rate_of_stamps(samples.stamps)
    return _measured(values, rate_hz)


def _measured(values: np.ndarray, rate_hz: float | None) -> _Measured:
    values = values[np.isfinite(values).all(axis=1) & values.any(axis=1)]
    if len(values) < 2:
        raise UserError("A recording needs at least 2 samples", len(values))
    mean, rest = values.mean(axis=0), gravity_at_rest(values, rate_hz or SOME_RATE_HZ)
    doubt = gravity_doubt(values)
    magnitude = np.linalg.norm(values, axis=1)
    if np.median(magnitude) > _MOST_MEDIAN_G:
        doubt = f"the median magnitude is {np.median(magnitude):.3g} g, too much for a body"
    if not doubt and len(values) > 9 and np.ptp(magnitude) < 1e-4 * magnitude.mean():
        doubt = "the magnitude never changes: gravity alone, without the movement"
    if rest is not None:
        text = f"|a| at rest is {rest:.3g} g"
        fits = abs(rest - 1) <= REST_TOLERANCE and not doubt
    else:
        text = f"the mean vector is {np.linalg.norm(mean):.2g} g"
        fits = not doubt
    return _Measured(rate_hz, mean, rest, fits, text if fits or not doubt else doubt)


def _clip(cells: Mapping[str, str]) -> CustomClip:
    def number(column: str) -> float | None:
        return parsed_number(cells.get(column, ""))

    return CustomClip(
        place="",
        clip_id="",
        subject="",
        action="",
        trial="",
        accelerometer_path="",
        accelerometer_columns=tuple(filter(None, cells["accelerometer_columns"].split(";"))),
        accelerometer_unit=cells["accelerometer_unit"],
        accelerometer_scale=number("accelerometer_scale"),
        accelerometer_rate_hz=number("accelerometer_rate_hz"),
        accelerometer_stamp_column=cells.get("accelerometer_stamp_column", ""),
        accelerometer_stamp_unit=cells.get("accelerometer_stamp_unit", ""),
        accelerometer_format=cells.get("accelerometer_format", ""),
        accelerometer_skip_rows=int(number("accelerometer_skip_rows") or 0),
        accelerometer_rows=cells.get("accelerometer_rows", ""),
    )


def _guess_text(content: bytes, suffix: str) -> RecordingGuess:
    table, skip_rows = _table_below_any_header(content)
    numeric = [column for column in range(table.num_columns) if _is_numeric(table, column)]
    if len(numeric) >= _FEWEST_SKELETON_COLUMNS:
        return _guess_skeleton(table, numeric)
    cells = {"accelerometer_skip_rows": str(skip_rows)} if skip_rows else {}
    rows = accelerometer_rows(table)
    if rows:
        cells["accelerometer_rows"] = rows
        table = table.filtered(rows)
    stamps = guess_stamps(table, numeric)
    cells |= stamps.cells
    axes, named = guess_axes(table, [one for one in numeric if one != stamps.column])
    if axes is None:
        return RecordingGuess("other", f"{table.num_columns} columns", reason=named)
    header = table.header or []
    cells["accelerometer_columns"] = ";".join(column_name(header, column) for column in axes)
    values = table.numbers(axes)
    told = {named_unit(header[column]) if header else None for column in axes}
    unit_cells, unit_reason, is_near = guess_unit(values, told, stamps.rate_hz)
    if not unit_cells:
        return RecordingGuess("other", "x, y, z without 1 g", reason=unit_reason)
    cells |= unit_cells
    measured = _measure(content, suffix, cells)
    if not measured.fits:
        return RecordingGuess("other", "x, y, z without 1 g", reason=measured.text)
    is_told = told == {cells["accelerometer_unit"]}
    sureness = UNSURE
    if named and stamps.cells and is_near:
        sureness = SURE if is_told and stamps.is_named else LIKELY
    reasons = [named or "three columns of numbers", unit_reason]
    reasons += [stamps.reason if stamps.cells else "no stamps: state accelerometer_rate_hz"]
    form = f"columns {cells['accelerometer_columns']} ({cells['accelerometer_unit']})"
    rate_hz, mean = measured.rate_hz, measured.mean
    reason = "; ".join(reasons)
    return RecordingGuess("accelerometer", form, cells, sureness, reason, rate_hz, mean)


def _table_below_any_header(content: bytes) -> tuple[TextTable, int]:
    """Returns the table and how many lines above it belong to none."""
    try:
        return read_text_table(content, "the file"), 0
    except UserError:
        lines = decoded_lines(content, "the file")[:-1]
        for separator in ("\t", ";", ","):
            counts = [line.count(separator) for line in lines]
            if len(counts) > 9 and counts[-1] >= 2:
                others = [row for row, count in enumerate(counts) if count != counts[-1]]
                skip_rows = others[-1] + 1 if others else 0
                if 0 < skip_rows < len(lines) / 2 + 1:
                    return read_text_table(content, "the file", skip_rows), skip_rows
        raise


def _is_numeric(table: TextTable, column: int) -> bool:
    values, errors = table.numbers_or_errors([column])
    return not errors and bool(2 * np.isfinite(values).sum() > len(values))


def _guess_motion(path: Path, suffix: str) -> RecordingGuess | None:
    """Returns the guess of a form with named points, None for a table."""
    if path.is_dir():
        suffix = ""
    elif suffix == ".csv":
        with open(path, "rb") as stream:
            if not is_vicon_csv(stream.read(_HEAD_BYTES)):
                return None
    elif suffix not in MOTION_SUFFIXES or suffix == ".json":
        return None
    content, cells = RawFile(path.name, path).read(), {}
    try:
        motion = read_motion(content, suffix, "", "the file")
    except UserError as error:
        if "skeleton_key" not in error.rule:
            raise
        cells["skeleton_key"] = "1"
        motion = read_motion(content, suffix, "1", "the file")
    assert motion is not None  # of a form with points
    sureness, reason = SURE, f"the form tells {len(motion.names)} points and their unit"
    unit = motion.unit
    if not unit:
        measured = _skeleton(motion.positions[:_MOST_FRAMES], {})
        unit = measured.cells.get("skeleton_unit", "")
        if not unit:
            return measured
        cells["skeleton_unit"] = unit
        sureness, reason = LIKELY, f"the form tells {len(motion.names)} points; {measured.reason}"
    if cells.get("skeleton_key"):
        sureness, reason = LIKELY, f"{reason}; of several bodies that in most frames"
    form = f"skeleton of {len(motion.names)} joints ({unit})"
    return RecordingGuess("skeleton", form, cells, sureness, reason, motion.rate_hz)


_FEWEST_SKELETON_COLUMNS = 36  # twelve joints
_BODY_SIZES = {"m": (0.4, 4.0), "cm": (40.0, 400.0), "mm": (400.0, 4000.0)}


def _guess_skeleton(table: TextTable, numeric: Sequence[int]) -> RecordingGuess:
    columns = list(numeric)
    if len(columns) % 3:  # an index or a stamp before the joints
        columns = columns[len(columns) % 3 :]
    cells = {}
    if len(columns) < table.num_columns:
        if columns != list(range(columns[0], columns[-1] + 1)):
            reason = f"{len(columns)} columns of numbers, with others between them"
            return RecordingGuess("other", "wide table", reason=reason)
        cells["skeleton_columns"] = f"{columns[0]}-{columns[-1]}"
    return _skeleton(table.numbers(columns).reshape(len(table.rows), -1, 3), cells)


def _skeleton(joints: np.ndarray, cells: Mapping[str, str]) -> RecordingGuess:
    sizes = np.linalg.norm(np.nanmax(joints, axis=1) - np.nanmin(joints, axis=1), axis=1)
    size = float(np.nanmedian(sizes))
    count = joints.shape[1]
    units = [unit for unit, (low, high) in _BODY_SIZES.items() if low <= size <= high]
    if not units:
        reason = f"{count} joints, but the body would be {size:.3g} large, in no usual unit"
        return RecordingGuess("other", "wide table", reason=reason)
    reason = f"the body is {size:.3g} {units[0]} from corner to corner"
    cells = {**cells, "skeleton_unit": units[0]}
    form = f"skeleton of {count} joints ({units[0]})"
    return RecordingGuess("skeleton", form, cells, LIKELY, reason)


def _guess_array(values: np.ndarray) -> RecordingGuess:
    if values.ndim == 3 and values.shape[2] == 3 and values.shape[1] > 3:
        return _skeleton(np.asarray(values[:_MOST_FRAMES], np.float64), {})
    if values.ndim != 2 or values.dtype.kind not in "fiu":
        return RecordingGuess("other", f"array of shape {values.shape}")
    if values.shape[1] >= _FEWEST_SKELETON_COLUMNS and values.shape[1] % 3 == 0:
        joints = np.asarray(values[:_MOST_FRAMES], np.float64).reshape(-1, values.shape[1] // 3, 3)
        return _skeleton(joints, {})
    if values.shape[1] != 3:
        return RecordingGuess("other", f"array of {values.shape[1]} columns")
    part = np.asarray(values[:_MOST_SAMPLES], np.float64)
    cells, reason, _ = guess_unit(part, {None}, None)
    if not cells:
        return RecordingGuess("other", "x, y, z without 1 g", reason=reason)
    scale = float(cells.get("accelerometer_scale", 0)) or G_PER_UNIT[cells["accelerometer_unit"]]
    measured = _measured(part * scale, None)
    reason += "; no stamps: state accelerometer_rate_hz"
    form = f"array of 3 columns ({cells['accelerometer_unit']})"
    return RecordingGuess("accelerometer", form, cells, UNSURE, reason, None, measured.mean)


_MOST_FRAMES, _MOST_SAMPLES = 2000, 20_000
