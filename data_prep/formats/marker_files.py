"""Points in space with names, as motion capture exports them: TRC, Vicon Nexus CSV and c3d.

Each reader returns a `MotionFile`. TRC and c3d count their frames, so a damaged file shows.
"""

import csv
import io
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.text_tables import decoded_lines, parsed_number

MOTION_SUFFIXES = (".trc", ".c3d", ".bvh", ".skeleton", ".json")


@dataclass(frozen=True, eq=False)
class MotionFile:
    """Points in space, frame by frame.

    Args:
        names: Name of each point; the readers of bodies give those of their known layout.
        positions: float64 (frames, points, 3), NaN where a point is lost; x, y, z, or x, y and a
            confidence.
        rate_hz: Frames a second, None if the file does not tell.
        unit: "m", "cm", "mm" or "px"; "" if the file does not tell.
        dimensions: 3, or 2 for x, y and a confidence.
        is_cut: Whether a last frame that may be cut was left out.
        notes: What was left out, as flags of a clip.
    """

    names: tuple[str, ...]
    positions: np.ndarray
    rate_hz: float | None = None
    unit: str = ""
    dimensions: int = 3
    is_cut: bool = False
    notes: tuple[str, ...] = ()


_UNITS = {
    **dict.fromkeys(("m", "meters", "metres", "meter", "metre"), "m"),
    **dict.fromkeys(("cm", "centimeters", "centimetres"), "cm"),
    **dict.fromkeys(("mm", "millimeters", "millimetres"), "mm"),
}
_RATES_HZ = (1.0, 2000.0)
_RATE_TOLERANCE = 0.02


def _unit(text: str, name: str) -> str:
    unit = _UNITS.get(text.strip().lower())
    if unit is None:
        raise UserError("The unit of a file of markers must be m, cm or mm", text[:40], name)
    return unit


def _rate(text: str, name: str) -> float:
    rate_hz = parsed_number(text)
    low, high = _RATES_HZ
    if rate_hz is None or not low <= rate_hz <= high:
        rule = f"A file of markers must have {low:g} to {high:g} frames a second"
        raise UserError(rule, text[:40], name)
    return rate_hz


def _point_names(names: Sequence[str], name: str) -> tuple[str, ...]:
    """Returns names without that of the subject ("Anna:LWRI"), each once."""
    plain = tuple(one.strip().rpartition(":")[2] for one in names)
    double = sorted({one for one in plain if plain.count(one) > 1})
    if double or "" in plain or not plain:
        received = ", ".join(double) or "an empty name"
        raise UserError("Each marker must have a name of its own", received[:80], name)
    return plain


def _frames(
    rows: Sequence[tuple[int, Sequence[str]]], first: int, points: int, name: str
) -> np.ndarray:
    """Returns float64 (frames, points, 3) of rows of cells, NaN where a point has an empty cell.

    Args:
        rows: Line of the file, and its cells: the frame's number first.
        first: Index of the first point's x.
        points: How many there are.
        name: The file's name, for errors.
    """
    values = np.full((len(rows), 3 * points), np.nan)
    before: int | None = None
    for row, (line, cells) in enumerate(rows):
        number = cells[0].strip()
        if not number.isdecimal() or (before is not None and int(number) != before + 1):
            rule = "The frames of a file of markers must be numbered without a gap"
            received = f"{number[:20]!r} after {before} in line {line}"
            raise UserError(rule, received if before is not None else f"{number[:20]!r}", name)
        before = int(number)
        own = [cell.strip() for cell in cells[first:]]
        while len(own) > 3 * points and not own[-1]:
            own.pop()
        if len(own) > 3 * points or len(own) % 3:
            rule = f"A row must hold x, y and z of {points} points"
            raise UserError(rule, f"{len(own)} cells in line {line}", name)
        for column, cell in enumerate(own):
            if not cell:
                continue
            value = parsed_number(cell)
            if value is None:
                raise UserError("A marker must have numbers", f"{cell[:40]!r} in line {line}", name)
            values[row, column] = value
    positions = values.reshape(len(rows), points, 3)
    positions[~np.isfinite(positions).all(axis=2)] = np.nan
    return positions


def read_trc(content: bytes, name: str) -> MotionFile:
    """Reads a TRC file, as OpenSim, Cortex and pose estimators write it.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Returns:
        The points; a point without numbers in a frame is lost there.

    Raises:
        UserError: The file is damaged, cut or in another form.
    """
    *lines, last = decoded_lines(content, name)
    if len(lines) < 6 or not lines[0].startswith("PathFileType"):
        rule = "A TRC file must begin with PathFileType and five lines of header"
        raise UserError(rule, lines[0][:40] if lines else "an empty file", name)
    told = dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=False))
    told = {key.strip().lower(): value.strip() for key, value in told.items()}
    missing = [key for key in ("datarate", "numframes", "nummarkers", "units") if key not in told]
    if missing:
        rule = "The header of a TRC file must tell DataRate, NumFrames, NumMarkers and Units"
        raise UserError(rule, f"no {', '.join(missing)}", name)
    rate_hz, unit = _rate(told["datarate"], name), _unit(told["units"], name)
    head = [cell.strip() for cell in lines[3].split("\t")]
    names = _point_names([cell for cell in head[2:] if cell], name)
    if not head[0].lower().startswith("frame") or told["nummarkers"] != str(len(names)):
        rule = f"A TRC file must name its {told['nummarkers'][:9]} markers in its fourth line"
        raise UserError(rule, f"{len(names)} names after {head[0][:20]!r}", name)
    body = [(number, line.split("\t")) for number, line in enumerate(lines[5:], 6) if line.strip()]
    positions = _frames(body, 2, len(names), name)
    is_cut = bool(last.strip())
    if told["numframes"] != str(len(positions) + is_cut):
        rule = f"A TRC file must hold the {told['numframes'][:9]} frames that its header tells"
        raise UserError(rule, len(positions) + is_cut, name)
    seconds = [parsed_number(cells[1]) if len(cells) > 1 else None for _, cells in body]
    steps = np.diff(np.array(seconds, dtype=np.float64))
    if len(steps) and not np.all(np.abs(steps * rate_hz - 1) <= 0.5):
        rule = f"The times of a TRC file must be those of its rate, {rate_hz:g} Hz"
        frame = int(np.flatnonzero(~(np.abs(steps * rate_hz - 1) <= 0.5))[0]) + 1
        raise UserError(rule, f"another step at frame {frame}", name)
    return MotionFile(names, positions, rate_hz, unit, is_cut=is_cut)


_VICON_AXES = re.compile(rb'(^|[\r\n])"?frame"?,"?sub frame"?(,"?x"?,"?y"?,"?z"?)+', re.IGNORECASE)
_VICON_HEAD_BYTES = 200_000  # hundreds of names


def is_vicon_csv(content: bytes) -> bool:
    """Returns whether a CSV file has the two header rows of Vicon Nexus: names, then axes."""
    return _VICON_AXES.search(content[:_VICON_HEAD_BYTES]) is not None


def read_vicon_csv(content: bytes, name: str) -> MotionFile:
    """Reads the trajectories of an ASCII export of Vicon Nexus.

    Above the two header rows (names, then "Frame,Sub Frame,X,Y,Z,...") stands the rate, below them
    the units. An empty line ends the table.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Returns:
        The points, without the subject's name ("Anna:LWRI" is LWRI).

    Raises:
        UserError: The file is damaged or in another form.
    """
    *lines, last = decoded_lines(content, name)
    # 0 also where the line is cut, so that it is no whole one.
    axes = next((line for line, text in enumerate(lines) if is_vicon_csv(text.encode())), 0)
    stop = next((n for n in range(axes, len(lines)) if not lines[n].strip(', "')), len(lines))
    try:
        rows = list(csv.reader(io.StringIO("\n".join(lines[axes - 1 : stop])), strict=True))
    except csv.Error as error:
        raise UserError("A text file must be a table", error, name) from error
    if axes == 0 or len(rows) < 4:
        rule = "A Vicon file must hold names, axes, units and frames"
        raise UserError(rule, "no such lines" if axes == 0 else "no frame", name)
    names = _point_names([cell for cell in rows[0][2:] if cell.strip()], name)
    count = len([cell for cell in rows[1][2:] if cell.strip()])
    if count != 3 * len(names):
        raise UserError("Each marker must have X, Y and Z", f"{len(names)} and {count}", name)
    units = {cell.strip() for cell in rows[2][2:] if cell.strip()}
    if len(units) != 1:
        rule = "All markers must have one unit, in the line below X, Y and Z"
        raise UserError(rule, ", ".join(sorted(units))[:40] or "none", name)
    unit = _unit(units.pop(), name)
    above = lines[axes - 2].strip(', "') if axes > 1 else ""
    rate_hz = _rate(above, name) if above else None
    body = list(enumerate(rows[3:], axes + 3))
    is_cut = bool(last.strip()) and stop == len(lines)
    return MotionFile(names, _frames(body, 2, len(names), name), rate_hz, unit, is_cut=is_cut)


_LOST = -1  # the residual of a point that was not seen


def read_c3d(content: bytes, name: str) -> MotionFile:
    """Reads the points of a c3d file by the package c3d.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Returns:
        The points, lost where the residual says so.

    Raises:
        UserError: The package is not installed, or the file is damaged or holds no points.
    """
    try:
        import c3d
    except ImportError as error:
        rule = "A .c3d file needs the package c3d: pip install 'pskd_tf[c3d]', or export TRC or CSV"
        raise UserError(rule, "not installed", name) from error
    try:
        with warnings.catch_warnings(action="ignore"):  # of files without analog channels
            reader: Any = c3d.Reader(io.BytesIO(content))
            frames = [points for _, points, _ in reader.read_frames()]
        labels = [str(label) for label in reader.point_labels][: reader.point_used]
        unit, rate = reader.get("POINT:UNITS").string_value, str(reader.point_rate)
        values = np.stack(frames)[:, : len(labels)].astype(np.float64)
        expected = reader.last_frame - reader.first_frame + 1
    except Exception as error:  # a damaged file can raise nearly anything
        received = f"{type(error).__name__}: {error}"
        raise UserError("A .c3d file must be readable", received[:200], name) from error
    if len(values) != expected:
        rule = f"A c3d file must hold the {expected} frames that its header tells"
        raise UserError(rule, len(values), name)
    positions = values[:, :, :3].copy()
    positions[(values[:, :, 3] == _LOST) | ~np.isfinite(positions).all(axis=2)] = np.nan
    return MotionFile(_point_names(labels, name), positions, _rate(rate, name), _unit(unit, name))
