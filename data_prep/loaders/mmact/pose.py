"""Reading MMAct's poses: a JSON object of frames, each with the people that were found in it."""

import json
import math
import re
from typing import Any

import numpy as np

from data_prep.skeletons.skeleton_layout import SkeletonLayout
from data_prep.user_error import UserError

_JOINTS = SkeletonLayout.load("coco_17").joint_names
_PEOPLE = ("person1", "person2")
_COORDINATES = (("x",), ("y",), ("confidence", "score", "c"))
_SMALLEST_PIXELS, _LARGEST_PIXELS = 2.0, 20_000.0  # parts of an image's size are below
_LARGEST_CONFIDENCE = 1.5  # estimators of heat maps go a little above 1; a percentage further
_MOST_FRAMES = 100_000  # an hour; a frame number above that is damage


def read_mmact_pose(content: bytes, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns one person's joints in every frame.

    The person seen in most frames is taken, `person1` if both are seen equally often: to change
    the person from frame to frame would make the body jump. Of a person these forms are read: a
    list of 17 [x, y, confidence], a list of 51 numbers, either of them in a list of its own, and
    an object of joint names to [x, y, confidence] or {"x", "y", "confidence"}. An empty list, an
    empty object or null is nobody.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Returns:
        float64 (frames, 17 joints, x y confidence), x and y as in the file, all NaN in a frame
        without the person (also where frame numbers are skipped); and the note "person2_used".

    Raises:
        UserError: The file is no such JSON, holds no frame or nobody in any, or its coordinates
            cannot be pixels.
    """
    try:
        frames = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError("A pose file must be JSON in UTF-8", error, name) from error
    if not isinstance(frames, dict) or not frames:
        raise UserError("A pose file must be an object of frames", _describe(frames), name)
    numbers = _frame_numbers(list(frames), name)
    for key, frame in frames.items():
        if not isinstance(frame, dict) or not {str(who).lower() for who in frame} <= set(_PEOPLE):
            rule = "A frame of a pose file must be an object of person1 and person2"
            raise UserError(rule, f"{_describe(frame)} in frame {key!r}", name)
    found: dict[str, dict[int, np.ndarray]] = {who: {} for who in _PEOPLE}
    for number, frame in zip(numbers, frames.values(), strict=True):
        for who, value in frame.items():
            if value:
                found[who.lower()][number] = _person(value, name)
    who = max(_PEOPLE, key=lambda person: len(found[person]))  # the first of equals
    if not found[who]:
        raise UserError("A pose file must show somebody", f"{len(frames)} empty frames", name)
    pose = np.full((max(numbers) + 1, len(_JOINTS), 3), np.nan)
    for number, joints in found[who].items():
        pose[number] = joints
    _check_units(pose, name)
    return pose, ("person2_used",) if who == "person2" else ()


def _check_units(pose: np.ndarray, name: str) -> None:
    largest = float(np.nanmax(np.abs(pose[:, :, :2])))
    if 0 < largest <= _SMALLEST_PIXELS or largest > _LARGEST_PIXELS:
        rule = f"A pose must be in pixels (the largest from {_SMALLEST_PIXELS:g} to "
        raise UserError(f"{rule}{_LARGEST_PIXELS:g})", f"{largest:.4g}", name)
    largest = float(np.nanmax(pose[:, :, 2]))
    if largest > _LARGEST_CONFIDENCE:
        raise UserError("A confidence must be from 0 to 1", f"{largest:.4g}", name)


def _frame_numbers(keys: list[str], name: str) -> list[int]:
    """Returns each frame's place from 0; the last number in its key counts, if all have one."""
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


def _person(value: Any, name: str) -> np.ndarray:
    rows = value
    if isinstance(value, dict):
        rows = _rows_by_name(value)
    elif isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], list):
            rows = value[0]
        if len(rows) == 3 * len(_JOINTS):
            rows = [rows[start : start + 3] for start in range(0, len(rows), 3)]
    if isinstance(rows, list) and len(rows) == len(_JOINTS):
        numbers = [_numbers(row) for row in rows]
        if all(row is not None for row in numbers):
            return np.array(numbers)
    rule = f"A person must be {len(_JOINTS)} joints of x, y and confidence"
    raise UserError(rule, _describe(value), name)


def _rows_by_name(value: dict[str, Any]) -> list[Any] | None:
    joints = {re.sub(r"[\s-]+", "_", str(key).strip().lower()): row for key, row in value.items()}
    for names in (_JOINTS, [str(number) for number in range(len(_JOINTS))]):
        if set(joints) == set(names):
            return [joints[joint] for joint in names]
    return None


def _numbers(row: Any) -> list[float] | None:
    """Returns x, y and confidence, or None unless they are three finite numbers."""
    if isinstance(row, dict):
        row = [next((row[key] for key in keys if key in row), None) for keys in _COORDINATES]
    if not isinstance(row, list) or len(row) != 3:
        return None
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in row):
        return None
    try:
        numbers = [float(value) for value in row]
    except OverflowError:
        return None
    return numbers if all(math.isfinite(value) for value in numbers) else None


def _describe(value: Any, depth: int = 2) -> str:
    """Returns what a JSON value is, short enough for an error."""
    if not isinstance(value, dict | list):
        return repr(value)[:40]
    first = next(iter(value.values() if isinstance(value, dict) else value), None)
    inner = f" of {_describe(first, depth - 1)}" if value and depth else ""
    if isinstance(value, dict):
        keys = ", ".join(repr(key[:20]) for key in list(value)[:3])
        return f"an object with {len(value)} keys ({keys}){inner}"
    return f"a list of {len(value)}{inner}"
