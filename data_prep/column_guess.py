"""Guesses of what the columns of a table are: stamps, axes, unit. All rules are ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from data_prep.formats.text_tables import TextTable
from data_prep.loaders.custom.accelerometer import G_PER_UNIT
from data_prep.loaders.custom.raw_samples import SECONDS_PER_UNIT
from data_prep.plausibility import gravity_at_rest
from data_prep.stamps import clock_seconds, stamp_seconds

SOME_RATE_HZ = 50.0  # to look for rest where no rate is known
REST_TOLERANCE = 0.15
_UNIT_TOLERANCE = 0.05
_RATES_HZ = (5.0, 1000.0)  # a unit of stamps is off by 1000, so at most one of them fits
_LEAST_LEVEL = 0.3


def rate_of_stamps(stamps_seconds: np.ndarray) -> float | None:
    """Returns samples a second by the usual step, or by their number where stamps are shared."""
    steps = np.diff(stamps_seconds[np.isfinite(stamps_seconds)])
    forward = steps[steps > 0]
    if not len(forward):
        return None
    if 2 * len(forward) > len(steps):
        return float(1 / np.median(forward))
    return float(len(steps) / forward.sum())


def column_name(header: Sequence[str], column: int) -> str:
    """Returns what a manifest calls a column: its name where that is clear, else its index."""
    name = header[column] if header else ""
    is_clear = header and header.count(name) == 1 and name and not re.search(r"[;,]|^[-/\d]", name)
    return name if is_clear else str(column)


def accelerometer_rows(table: TextTable) -> str:
    """Returns a condition for the rows of the accelerometer in a table of several sensors."""
    header = table.header or []
    for column in range(table.num_columns):
        words = set(table.texts(column))
        mine = [word for word in words if re.match(r"(linear)?acc", word, re.IGNORECASE)]
        if 1 < len(words) <= 9 and len(mine) == 1 and column < len(header):
            return f"{column_name(header, column)}={mine[0]}"
    return ""


@dataclass(frozen=True)
class StampGuess:
    """The column of the stamps.

    Args:
        column: Its index, None if none was found.
        cells: Cells of a manifest's row; empty if none was found.
        rate_hz: Samples a second by the stamps.
        is_named: Whether the column's name is one of a time.
        reason: Why.
    """

    column: int | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    rate_hz: float | None = None
    is_named: bool = False
    reason: str = ""


_STAMP_NAME = re.compile(
    r"(\W*|.*[ _])(time.*|t|stamps?|timestamps?.*|epoch.*|elapsed.*|seconds.*|datetime|date.*|clock"
    r"|millis|micros|ms|us|ns)",
    re.IGNORECASE,
)


def guess_stamps(table: TextTable, numeric: Sequence[int]) -> StampGuess:
    """Returns the stamps: columns with a name of time first, then the first column."""
    header = table.header or []
    named = [column for column, name in enumerate(header) if _STAMP_NAME.fullmatch(name)]
    for column in [*named, *(other for other in range(table.num_columns) if other not in named)][
        :9
    ]:
        unit, rate_hz = _stamp_unit(table, column, column in numeric, column in named)
        if unit:
            name = column_name(header, column)
            cells = {"accelerometer_stamp_column": name, "accelerometer_stamp_unit": unit}
            reason = f"steps of column {name} in {unit} give {rate_hz:.4g} Hz"
            return StampGuess(column, cells, rate_hz, column in named, reason)
    return StampGuess()


def _stamp_unit(
    table: TextTable, column: int, is_numeric: bool, is_named: bool
) -> tuple[str, float]:
    """Returns the unit of a column's stamps and the rate that they give, "" if they are none."""
    low, high = _RATES_HZ
    if is_numeric:
        steps = np.diff(table.numbers([column])[:, 0])
        if not is_named and (steps == 1).all():  # a counter of the samples
            return "", 0.0
        if np.isfinite(steps).all() and (steps >= 0).mean() > _ASCENDING and steps.any():
            for unit, seconds in SECONDS_PER_UNIT.items():
                rate_hz = rate_of_stamps(np.cumsum(steps) * seconds) or 0.0
                if low <= rate_hz <= high:
                    return unit, rate_hz
        return "", 0.0
    texts = table.texts(column)
    for unit in ("iso", "clock"):
        is_date = unit == "iso"
        moments = [stamp_seconds(text) for text in texts] if is_date else clock_seconds(texts)
        known = [moment for moment in moments if moment is not None]
        if len(known) == len(texts):
            rate_hz = rate_of_stamps(np.array(known)) or 0.0
            if low <= rate_hz <= high:
                return unit, rate_hz
    return "", 0.0


_ASCENDING = 0.99
_GYROSCOPES = ("gyr", "rotationrate", "rotation rate", "angular", "turn")
_OTHER_SENSORS = ("gyr", "mag", "lin", "user", "rot", "quat", "orient", "grav", "euler", "temp")


def guess_axes(table: TextTable, numeric: Sequence[int]) -> tuple[list[int] | None, str]:
    """Returns the columns of x, y and z, and why; the reason is empty for a guess by place."""
    header = table.header
    if header is None:
        is_plain = len(numeric) == 3
        return (list(numeric), "") if is_plain else (None, f"{len(numeric)} columns without names")
    names = [name.lower() for name in header]
    found: list[tuple[int, list[int]]] = []
    for column in numeric:
        for place in (match.start() for match in re.finditer("x", names[column])):
            wanted = [names[column][:place] + axis + names[column][place + 1 :] for axis in "xyz"]
            if all(names.count(one) == 1 for one in wanted):
                rank = 2 * ("acc" in wanted[0]) - 3 * any(
                    one in wanted[0] for one in _OTHER_SENSORS
                )
                found.append((rank, [names.index(one) for one in wanted]))
    found = [(rank, axes) for rank, axes in found if set(axes) <= set(numeric)]
    if not found:
        return None, f"no columns x, y, z among {', '.join(header)[:80]}"
    rank, axes = max(found, key=lambda one: one[0])
    if rank < 0:
        return None, f"{header[axes[0]]} is of another sensor"
    return axes, f"names {', '.join(header[column] for column in axes)}"


def guess_turn_rates(table: TextTable, numeric: Sequence[int]) -> list[int] | None:
    """Returns the columns of a gyroscope's x, y and z, by their names; None without one."""
    names = [name.lower() for name in table.header or ()]
    for column in numeric if names else ():
        if not any(word in names[column] for word in _GYROSCOPES):
            continue
        for place in (match.start() for match in re.finditer("x", names[column])):
            wanted = [names[column][:place] + axis + names[column][place + 1 :] for axis in "xyz"]
            if all(names.count(one) == 1 for one in wanted):
                axes = [names.index(one) for one in wanted]
                return axes if set(axes) <= set(numeric) else None
    return None


def guess_unit(
    values: np.ndarray, told: set[str | None], rate_hz: float | None
) -> tuple[dict[str, str], str, bool]:
    """Guesses the unit from the magnitude, which is 1 g at rest.

    Args:
        values: (samples, 3) in the unit of the file.
        told: The units that the columns' names tell, None for names without one.
        rate_hz: Samples a second, None if not known.

    Returns:
        Cells of a manifest's row (none if no unit fits), the reason, and whether the magnitude
        at rest is near enough to 1 g to tell the unit.
    """
    values = values[np.isfinite(values).all(axis=1) & values.any(axis=1)]
    if told == {"of another sensor"} or len(values) < 2:
        return {}, "the unit in the header is that of another sensor", False
    rest = gravity_at_rest(values, rate_hz or SOME_RATE_HZ)
    level = rest or float(np.linalg.norm(values, axis=1).mean())
    if level < _LEAST_LEVEL:
        return {}, f"the magnitude is {level:.2g}, so gravity is not in it", False
    word = "at rest" if rest else "on average"
    known = {unit: 1 / factor for unit, factor in G_PER_UNIT.items()}
    are_whole = bool((values == np.round(values)).all())
    if are_whole:
        scales = [2**power for power in range(5, 16)]
        known = {"mg": 1000.0, **{str(scale): float(scale) for scale in scales}}
    unit = min(known, key=lambda one: abs(np.log(level / known[one])))
    (only,) = told if len(told) == 1 else (None,)
    if only in known:
        unit = str(only)
    distance = abs(level / known[unit] - 1)
    is_near = distance <= _UNIT_TOLERANCE and rest is not None
    text = f"the magnitude {word} is {level:.4g}"
    if distance > 2 * REST_TOLERANCE:
        return {}, f"{text}, which is 1 g in no usual unit", False
    if are_whole:  # 1024 counts and 1000 mg are too near
        is_near = is_near and not 950 < level < 1075
    if unit.isdecimal():
        cells = {"accelerometer_unit": "lsb", "accelerometer_scale": repr(1 / int(unit))}
        return cells, f"{text}, near {unit} counts a g", is_near
    return {"accelerometer_unit": unit}, f"{text}, near {known[unit]:.4g} {unit}", is_near
