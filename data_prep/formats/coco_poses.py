"""Poses of the 17 COCO key points in JSON: x, y in pixels and a confidence for each."""

import json
import math
import re
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.skeletons import SkeletonLayout

_JOINTS = SkeletonLayout.load("coco_17").joint_names
NUM_COCO_JOINTS = len(_JOINTS)
_COORDINATES = (("x",), ("y",), ("confidence", "score", "c"))
_SMALLEST_PIXELS, _LARGEST_PIXELS = 2.0, 20_000.0  # parts of an image's size are below
_LARGEST_CONFIDENCE = 1.5  # estimators of heat maps go a little above 1; a percentage further


def read_pose_json(content: bytes, name: str) -> Any:
    """Returns the value of a pose file.

    Args:
        content: The file's bytes.
        name: The file's name, for errors.

    Raises:
        UserError: The file is no JSON in UTF-8.
    """
    try:
        return json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError("A pose file must be JSON in UTF-8", error, name) from error


def check_coco_units(pose: np.ndarray, name: str) -> None:
    """Refuses a pose whose coordinates cannot be pixels or whose confidences are no shares of 1.

    Args:
        pose: float64 (frames, 17, 3), at least one frame not NaN.
        name: The file's name, for errors.

    Raises:
        UserError: States the largest of them.
    """
    largest = float(np.nanmax(np.abs(pose[:, :, :2])))
    if 0 < largest <= _SMALLEST_PIXELS or largest > _LARGEST_PIXELS:
        rule = f"A pose must be in pixels (the largest from {_SMALLEST_PIXELS:g} to "
        raise UserError(f"{rule}{_LARGEST_PIXELS:g})", f"{largest:.4g}", name)
    largest = float(np.nanmax(pose[:, :, 2]))
    if largest > _LARGEST_CONFIDENCE:
        raise UserError("A confidence must be from 0 to 1", f"{largest:.4g}", name)


def coco_person(value: Any, name: str) -> np.ndarray:
    """Returns the joints of a person, float64 (17, 3): x, y and confidence.

    Args:
        value: A list of 17 [x, y, confidence], a list of 51 numbers, either of them in a list of
            its own, or an object of joint names (or numbers) to [x, y, confidence] or
            {"x", "y", "confidence"}.
        name: The file's name, for errors.

    Raises:
        UserError: The value is none of these.
    """
    rows = value
    if isinstance(value, dict):
        rows = _rows_by_name(value)
    elif isinstance(value, list):
        if len(value) == 1 and isinstance(value[0], list):
            rows = value[0]
        if len(rows) == 3 * NUM_COCO_JOINTS:
            rows = [rows[start : start + 3] for start in range(0, len(rows), 3)]
    if isinstance(rows, list) and len(rows) == NUM_COCO_JOINTS:
        numbers = [_numbers(row) for row in rows]
        if all(row is not None for row in numbers):
            return np.array(numbers)
    rule = f"A person must be {NUM_COCO_JOINTS} joints of x, y and confidence"
    raise UserError(rule, json_kind(value), name)


def _rows_by_name(value: dict[str, Any]) -> list[Any] | None:
    joints = {re.sub(r"[\s-]+", "_", str(key).strip().lower()): row for key, row in value.items()}
    for names in (_JOINTS, [str(number) for number in range(NUM_COCO_JOINTS)]):
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


def json_kind(value: Any, depth: int = 2) -> str:
    """Returns what a JSON value is, short enough for an error."""
    if not isinstance(value, dict | list):
        return repr(value)[:40]
    first = next(iter(value.values() if isinstance(value, dict) else value), None)
    inner = f" of {json_kind(first, depth - 1)}" if value and depth else ""
    if isinstance(value, dict):
        keys = ", ".join(repr(key[:20]) for key in list(value)[:3])
        return f"an object with {len(value)} keys ({keys}){inner}"
    return f"a list of {len(value)}{inner}"
