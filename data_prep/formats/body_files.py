"""Bodies as cameras' software writes them: NTU RGB+D's `.skeleton` and OpenPose's JSON."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.coco_poses import check_coco_units
from data_prep.formats.marker_files import MotionFile
from data_prep.formats.text_tables import decoded_lines, parsed_number
from data_prep.skeletons import KNOWN_SKELETONS

_NTU_BODY_NUMBERS, _NTU_JOINT_NUMBERS = 10, 12  # x, y, z first


def read_ntu_skeleton(content: bytes, key: str, name: str) -> MotionFile:
    """Reads one body of a `.skeleton` file of NTU RGB+D (Shahroudy et al., CVPR 2016).

    A file holds the number of frames; each frame the number of bodies; each body a line of ten
    numbers, the first of which names it, the number of joints, and twelve numbers a joint.

    Args:
        content: The file's bytes.
        key: Which body, "1" for the one in most frames; empty if there is one alone.
        name: The file's name, for errors.

    Returns:
        25 joints in metres, lost in frames without the body.

    Raises:
        UserError: The file is damaged or cut, or holds several bodies and `key` chooses none.
    """
    joints = _joint_names("kinect_v2_25")
    lines = _Lines(content, name)
    count = lines.count()
    frames: list[dict[str, np.ndarray]] = []
    for _ in range(count):
        bodies: dict[str, np.ndarray] = {}
        for _ in range(lines.count()):
            body = lines.words(_NTU_BODY_NUMBERS)[0]
            if lines.count() != len(joints) or body in bodies:
                rule = f"Each body must come once in a frame, with {len(joints)} joints"
                raise UserError(rule, f"another one above line {lines.line}", name)
            numbers = [lines.numbers(_NTU_JOINT_NUMBERS)[:3] for _ in joints]
            bodies[body] = np.array(numbers)
        frames.append(bodies)
    lines.check_end()
    seen = Counter(body for bodies in frames for body in bodies)
    ordered = sorted(seen, key=lambda body: -seen[body])
    number = int(key) if key.isdecimal() else 0
    if (key and not 1 <= number <= len(ordered)) or (not key and len(ordered) > 1):
        counted = ", ".join(f"{n} is in {seen[b]} frames" for n, b in enumerate(ordered, 1))
        rule = "A file of several bodies needs a skeleton_key, 1 for the body in most frames"
        raise UserError(rule, f"{key or 'none'}; {counted or 'no body'}", name)
    if not ordered:
        raise UserError("A .skeleton file must hold a body", "none", name)
    chosen = ordered[max(number, 1) - 1]
    lost = np.full((len(joints), 3), np.nan)
    positions = np.array([bodies.get(chosen, lost) for bodies in frames])
    return MotionFile(joints, positions, None, "m")


class _Lines:
    """The lines of a file, read one after the other; each error names its line."""

    def __init__(self, content: bytes, name: str) -> None:
        self._lines = decoded_lines(content, name)
        # A number that is cut off is still a number.
        self._is_whole = not self._lines.pop().strip()
        self._name = name
        self.line = 0

    def words(self, count: int) -> list[str]:
        if self.line == len(self._lines):
            raise UserError("A .skeleton file must be whole", f"{self.line} lines", self._name)
        words = self._lines[self.line].split()
        self.line += 1
        if len(words) != count:
            rule = f"A line of a .skeleton file must hold {count} numbers here"
            raise UserError(rule, f"{len(words)} in line {self.line}", self._name)
        return words

    def count(self) -> int:
        (word,) = self.words(1)
        if not word.isdecimal():
            raise UserError("A count must be a whole number", f"{word[:20]!r} in line {self.line}",
                            self._name)  # fmt: skip
        return int(word)

    def numbers(self, count: int) -> list[float]:
        values = [parsed_number(word) for word in self.words(count)]
        numbers = [value for value in values if value is not None]
        if len(numbers) < count:
            received = f"another word in line {self.line}"
            raise UserError("A joint must have numbers", received, self._name)
        return numbers

    def check_end(self) -> None:
        rest = len([line for line in self._lines[self.line :] if line.strip()])
        if rest or not self._is_whole:
            rule = "A .skeleton file must end with its last frame and a whole line"
            raise UserError(rule, f"{rest + (not self._is_whole)} lines more", self._name)


_OPENPOSE_LAYOUTS = {25: "openpose_25", 18: "openpose_18", 17: "coco_17"}
_CLEAR = 0.5  # another person below this part of the first one's confidence is no doubt


def read_openpose(content: bytes, name: str) -> MotionFile:
    """Reads the frames of an OpenPose folder, one JSON object after the other.

    In a frame of several people the one of the highest confidence is taken, if that is clear.

    Args:
        content: The frames' files in their order, each with `people`.
        name: The folder's name, for errors.

    Returns:
        x, y in pixels and the confidence; lost in frames without a person.

    Raises:
        UserError: A frame is damaged, or shows several people of nearly the same confidence.
    """
    frames: list[np.ndarray | None] = []
    is_left_out = False
    for number, frame in enumerate(_objects(content, name)):
        people = frame.get("people") if isinstance(frame, dict) else None
        if not isinstance(people, list):
            rule = "A frame of OpenPose must hold a list of people"
            raise UserError(rule, f"none in frame {number}", name)
        poses = sorted((_pose(one, number, name) for one in people), key=lambda p: -p[:, 2].sum())
        if len(poses) > 1 and poses[1][:, 2].sum() > _CLEAR * poses[0][:, 2].sum():
            rule = "A frame must show one person clearly; run OpenPose with --number_people_max=1"
            raise UserError(rule, f"{len(poses)} people in frame {number}", name)
        is_left_out |= len(poses) > 1
        frames.append(poses[0] if poses else None)
    counts = Counter(len(pose) for pose in frames if pose is not None)
    if len(counts) != 1 or next(iter(counts)) not in _OPENPOSE_LAYOUTS:
        known = ", ".join(map(str, _OPENPOSE_LAYOUTS))
        rule = f"The people of OpenPose must have {known} key points throughout"
        raise UserError(rule, ", ".join(map(str, sorted(counts))) or "nobody", name)
    points = next(iter(counts))
    lost = np.full((points, 3), np.nan)
    positions = np.array([lost if pose is None else pose for pose in frames])
    check_coco_units(positions, name)
    names = _joint_names(_OPENPOSE_LAYOUTS[points])
    notes = ("people_left_out",) if is_left_out else ()
    return MotionFile(names, positions, None, "px", 2, notes=notes)


def _objects(content: bytes, name: str) -> Iterator[Any]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError("A JSON file must be in UTF-8", error, name) from error
    decoder, place, number = json.JSONDecoder(), 0, 0
    while text[place:].strip():
        place += len(text[place:]) - len(text[place:].lstrip())
        try:
            frame, place = decoder.raw_decode(text, place)
        except (ValueError, RecursionError) as error:
            rule = "Each frame of OpenPose must be a whole JSON object"
            raise UserError(rule, f"{error} (frame {number})", name) from error
        number += 1
        yield frame


def _pose(person: Any, number: int, name: str) -> np.ndarray:
    values = person.get("pose_keypoints_2d") if isinstance(person, dict) else None
    is_list = isinstance(values, list) and values and len(values) % 3 == 0
    if values is None or not is_list or not all(type(one) in (int, float) for one in values):
        rule = "A person of OpenPose must have pose_keypoints_2d: x, y, confidence of each point"
        raise UserError(rule, f"others in frame {number}", name)
    try:
        pose = np.array(values, np.float64).reshape(-1, 3)
    except OverflowError:  # a whole number of hundreds of digits
        pose = np.array([np.inf])
    if not np.isfinite(pose).all():
        raise UserError("Key points must be finite", f"others in frame {number}", name)
    return pose


def _joint_names(layout: str) -> tuple[str, ...]:
    return tuple(joint for joint, _ in KNOWN_SKELETONS[layout][0])
