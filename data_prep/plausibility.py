"""Doubts about recordings that break no rule: a clip of any data set is compared with what a worn
sensor and a body can show, and all clips of a set with each other.

All thresholds are ours. They were set on the training subjects of UTD-MHAD, none of whose clips
raises a doubt.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.clip import Clip
from data_prep.prepared_set import PreparedSet
from data_prep.problems import Problem
from data_prep.side_doubts import SideDoubts
from data_prep.skeletons import SkeletonLayout

_WINDOW_SECONDS = 0.5
_STILL = 0.03  # standard deviation of a still sensor, in parts of what it measures


def gravity_at_rest(accelerometer: np.ndarray, rate_hz: float) -> float | None:
    """Returns the accelerometer's magnitude while the sensor is still: 1 if the unit is g.

    Half-second windows, each half over the next, are still if the standard deviation over all
    axes is under 3 % of the mean magnitude. Ours.

    Args:
        accelerometer: (samples, 3) of any unit.
        rate_hz: Samples per second.

    Returns:
        The median over the still windows of the mean magnitude, in the unit given; None without
        a still window.
    """
    width = max(4, round(_WINDOW_SECONDS * rate_hz))
    if len(accelerometer) < width:
        return None
    values = np.asarray(accelerometer, np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)[:: width // 2]
    magnitude = np.linalg.norm(windows, axis=1).mean(axis=1)
    deviation = np.sqrt(windows.var(axis=2).sum(axis=1))
    still = deviation < _STILL * magnitude
    return float(np.median(magnitude[still])) if still.any() else None


_NO_GRAVITY_G, _MUCH_GRAVITY_G = 0.12, 1.6  # there 0.14 to 1.52 g


def gravity_doubt(accelerometer: np.ndarray) -> str:
    """Returns what a mean vector far from 1 g may mean, or nothing.

    Turning the sensor makes the mean vector shorter, and no movement makes it much longer.

    Args:
        accelerometer: (samples, 3) in g.
    """
    mean = float(np.linalg.norm(np.mean(accelerometer, axis=0, dtype=np.float64)))
    text = f"the mean vector is {mean:.2f} g, far from 1"
    if mean < _NO_GRAVITY_G:
        return f"{text}: acceleration without gravity (user acceleration), or a gyroscope?"
    if mean > _MUCH_GRAVITY_G:
        return f"{text}: another unit or scale (m/s^2 taken as g?), or a gyroscope?"
    return ""


# On 757 clips of UTD-MHAD the gyroscope turns 1.09 times as far at least: gravity goes the
# straightest way. In rad/s it would be a 57th.
_LEAST_TURN_DEGREES, _LEAST_TURN_SHARE = 30.0, 0.25
_GRAVITY_SECONDS = 0.5


def turned_degrees(
    accelerometer: np.ndarray, gyroscope: np.ndarray, rate_hz: float
) -> tuple[float, float] | None:
    """Returns how far gravity turns at most, and how far the gyroscope turns until then.

    Ours: the direction of the moving mean over half a second is gravity's; it cannot turn further
    than the gyroscope.

    Args:
        accelerometer: (samples, 3) of any unit.
        gyroscope: (samples, 3) in degrees per second.
        rate_hz: Of both.

    Returns:
        Both in degrees; None where gravity turns by less than 30 degrees.
    """
    length = max(1, int(_GRAVITY_SECONDS * rate_hz))
    if len(accelerometer) < 2 * length:
        return None
    window = np.ones(length) / length
    axes = accelerometer.astype(np.float64).T
    mean = np.stack([np.convolve(axis, window, "valid") for axis in axes], axis=1)
    unit = mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)
    angles = np.degrees(np.arccos(np.clip(unit @ unit[0], -1.0, 1.0)))
    last = int(angles.argmax())
    rates = np.linalg.norm(gyroscope[: last + length].astype(np.float64), axis=1)
    if angles[last] < _LEAST_TURN_DEGREES:
        return None
    return float(angles[last]), float(rates.sum()) / rate_hz


def turn_doubt(accelerometer: np.ndarray, gyroscope: np.ndarray, rate_hz: float) -> str:
    """Returns what is odd about turn rates beside the way that gravity turns, or "".

    Args:
        accelerometer: (samples, 3) in g.
        gyroscope: (samples, 3) in degrees per second.
        rate_hz: Of both.
    """
    found = turned_degrees(accelerometer, gyroscope, rate_hz)
    if found is None or found[1] > _LEAST_TURN_SHARE * found[0]:
        return ""
    return (
        f"gravity turns by {found[0]:.0f} degrees while the gyroscope turns by {found[1]:.2g}: "
        "rad/s taken as deg/s?"
    )


_JUMP_METRES, _JUMP_METRES_A_SECOND = 0.5, 12.0  # no one runs as fast as that
_SWAPS = 3
_FROZEN_SECONDS = 1.0
_FEWEST_FRAMES_A_SECOND = 8.0


def frozen_doubt(accelerometer: np.ndarray, rate_hz: float) -> str:
    """Returns for how long a sensor shows exactly the same values, if for a second or longer.

    Even a still sensor has its noise.

    Args:
        accelerometer: (samples, 3).
        rate_hz: Samples a second.
    """
    changes = np.flatnonzero((np.diff(accelerometer, axis=0) != 0).any(axis=1))
    longest = int(np.diff(np.concatenate([[-1], changes, [len(accelerometer) - 1]])).max())
    if longest < _FROZEN_SECONDS * rate_hz:
        return ""
    return f"the accelerometer stays at exactly the same values for {longest / rate_hz:.1f} s"


# Of the training subjects of UTD-MHAD the size of the body in a frame is 0.72 to 1.14 of the usual
# one, and at most in 29 % of the frames a limb is half or twice as long.
_SIZES = (0.6, 1.5)
_LIMB_SIZES, _LIMB_SHARE = (0.5, 2.0), 0.5
_SHORTEST_LIMB_METRES = 0.08


def limb_doubts(skeleton: np.ndarray, parents: Sequence[int]) -> Iterator[str]:
    """Yields a doubt where limbs change their length: two bodies, or joints of another layout.

    Args:
        skeleton: (frames, joints, 3) in metres, three dimensions.
        parents: Parent's index of each joint, -1 for the root.
    """
    joints = np.array([joint for joint, parent in enumerate(parents) if parent >= 0], dtype=int)
    positions = np.asarray(skeleton, np.float64)
    limbs = positions[:, joints] - positions[:, np.asarray(parents)[joints]]
    lengths = np.linalg.norm(limbs, axis=2)
    usual = np.median(lengths, axis=0)
    if not (usual > _SHORTEST_LIMB_METRES).any():
        return
    sizes = (lengths / np.maximum(usual, 1e-9))[:, usual > _SHORTEST_LIMB_METRES]
    of_body = np.median(sizes, axis=1)
    if of_body.min() < _SIZES[0] or of_body.max() > _SIZES[1]:
        yield (
            f"the body is {of_body.min():.2g} to {of_body.max():.2g} times as large as usual: two "
            "bodies, or frames in another unit?"
        )
    low, high = _LIMB_SIZES
    share = float(((sizes < low) | (sizes > high)).any(axis=1).mean())
    if share > _LIMB_SHARE:
        yield (
            f"in {share:.0%} of the frames a limb is half or twice as long as usual: is the layout "
            "right, or does the tracker lose joints?"
        )


def body_doubts(skeleton: np.ndarray, seconds: float, dimensions: int = 3) -> list[str]:
    """Returns what a body cannot do: jump, freeze, change places, fit into a square of 1 m.

    Args:
        skeleton: (frames, joints, 3) in metres, at least 2 frames.
        seconds: From the first frame to the last.
        dimensions: 3, or 2 for x, y and a confidence.

    Returns:
        One text for each doubt.
    """
    positions = np.asarray(skeleton[:, :, :dimensions], np.float64)
    frames_a_second = (len(positions) - 1) / seconds
    texts = []
    if frames_a_second < _FEWEST_FRAMES_A_SECOND:
        texts.append(
            f"{len(positions)} frames in {seconds:.1f} s are {frames_a_second:.2g} a second: is "
            "the skeleton's rate right, or are frames lost?"
        )
    centres = np.median(positions, axis=1)
    steps = np.diff(centres, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    jumps = np.flatnonzero(
        (lengths > _JUMP_METRES) & (lengths * frames_a_second > _JUMP_METRES_A_SECOND)
    )
    if len(jumps):
        back = np.einsum("ij,ij->i", steps[jumps[1:]], steps[jumps[:-1]]) < 0
        if back.sum() >= _SWAPS:
            texts.append(f"the body changes place to and fro {len(jumps)} times: two bodies?")
        else:
            largest = float(lengths[jumps].max())
            texts.append(f"the body jumps by {largest:.2g} m from one frame to the next")
    changes = np.flatnonzero((np.diff(positions, axis=0) != 0).any(axis=(1, 2)))
    longest = np.diff(np.concatenate([[-1], changes, [len(positions) - 1]])).max()
    if longest / frames_a_second >= _FROZEN_SECONDS:
        texts.append("the skeleton stays exactly the same for a second or longer")
    plane = positions[:, :, :2]
    if dimensions == 3 and plane.min() >= 0 and plane.max() <= 1:
        texts.append("x and y lie between 0 and 1 throughout: parts of an image, not metres?")
    return texts


def clip_doubts(clip: Clip, rate_hz: float, layout: SkeletonLayout | None = None) -> list[Problem]:
    """Returns the doubts about one clip, of the kinds "gravity", "frozen", "turn" and "body".

    Args:
        clip: The clip, in the units of a prepared set.
        rate_hz: Of its accelerometer.
        layout: Of its skeleton.
    """
    if clip.accelerometer is None:  # the rate of its frames is not known here
        return []
    found = [
        ("gravity", gravity_doubt(clip.accelerometer)),
        ("frozen", frozen_doubt(clip.accelerometer, rate_hz)),
    ]
    if clip.gyroscope is not None:
        found.append(("turn", turn_doubt(clip.accelerometer, clip.gyroscope, rate_hz)))
    if clip.skeleton is not None and layout is not None:
        seconds = (len(clip.accelerometer) - 1) / rate_hz
        texts = body_doubts(clip.skeleton, seconds, layout.dimensions)
        if layout.dimensions == 3 and not texts:
            texts += limb_doubts(clip.skeleton, layout.joint_parents)
        found += [("body", text) for text in texts]
    return [Problem(kind, clip.clip_id, text) for kind, text in found if text]


def spelling_doubts(column: str, names: Iterable[str]) -> Iterator[Problem]:
    """Yields a doubt for each name that is spelt in several ways, such as "01" and "1".

    Args:
        column: What the names are, "subject" or "action".
        names: All of them.
    """
    spellings = defaultdict(set)
    for name in names:
        plain = " ".join(re.sub(r"[_\s-]+", " ", name.lower()).split())
        spellings[re.sub(r"0+(?=\d)", "", plain)].add(name)
    for same in spellings.values():
        if len(same) > 1:
            text = f"is spelt in {len(same)} ways: {', '.join(sorted(same))}"
            yield Problem("labels", column, text)


_OPPOSITE = -0.5  # cosine between the mean vector of a subject and that of the others
_SOME_GRAVITY_G = 0.4


@dataclass(frozen=True)
class _Seen:
    """What is kept of a clip to compare others with."""

    clip_id: str
    subject: str
    action: str
    file: str


class SetDoubts:
    """Doubts that show only when the clips of a set are compared; clips are added one by one."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], _Seen] = {}
        self._copies: list[Problem] = []
        self._means: dict[str, dict[str, list[np.ndarray]]] = {}
        self._turns: dict[tuple[str, str, str], dict[str, np.ndarray]] = defaultdict(dict)

    def add(self, clip: Clip, action: str) -> None:
        """Adds a clip and the name of its action."""
        if clip.accelerometer is not None:
            means = self._means.setdefault(clip.sensor_place, {}).setdefault(clip.subject, [])
            means.append(np.asarray(np.mean(clip.accelerometer, axis=0, dtype=np.float64)))
            self._turns[clip.sensor_place, clip.subject, action][clip.clip_id] = means[-1]
        texts = [self._copy(clip, action, stream) for stream in ("accelerometer", "skeleton")]
        for text in [text for text in texts if text][:1]:
            self._copies.append(Problem("copy", clip.clip_id, text))

    def _copy(self, clip: Clip, action: str, stream: str) -> str:
        """Returns which earlier clip is the same, by its samples or the bytes of its file."""
        values = clip.stream(stream)
        if values is None:
            return ""
        file, file_hash = clip.sources.get(stream, ("", ""))
        own = _Seen(clip.clip_id, clip.subject, action, file)
        values_hash = hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
        other = self._seen.setdefault((f"values of {stream}", values_hash), own)
        # Clips with the name of their file in common are stretches of one recording.
        same_file = self._seen.setdefault((f"file of {stream}", file_hash), own)
        if other is own and file_hash and same_file.file != file:
            other = same_file
        if other is own:
            return ""
        what = "samples" if stream == "accelerometer" else "frames"
        differences = [f"whose action is {other.action}"] if other.action != action else []
        if other.subject != clip.subject:
            differences.append(f"whose subject is {other.subject}")
        end = f", {' and '.join(differences)}" if differences else ""
        return f"the same {what} as {other.clip_id}{end}"

    def problems(self) -> list[Problem]:
        """Returns the doubts, of the kinds "copy" and "sign"."""
        found = list(self._copies)
        for place, means in self._means.items():
            found += _sign_doubts(
                place, {name: np.mean(own, axis=0) for name, own in means.items()}
            )
        for means_of_clips in self._turns.values():
            found += _turn_doubts(means_of_clips)
        return found


def _sign_doubts(place: str, means: dict[str, np.ndarray]) -> Iterator[Problem]:
    """Yields the subjects whose gravity points against that of the others."""
    for subject, mean in means.items():
        rest = sum((other for name, other in means.items() if name != subject), np.zeros(3))
        size, others = float(np.linalg.norm(mean)), float(np.linalg.norm(rest))
        if size < _SOME_GRAVITY_G or others < _SOME_GRAVITY_G * (len(means) - 1):
            continue
        if mean @ rest < _OPPOSITE * size * others:
            text = (
                f"gravity lies on {gravity_axis(mean)} at the {place}, and on the other side for "
                "the others: was the sensor worn upside down, or does one logger turn its axes "
                "round (iOS and Android have opposite signs)?"
            )
            yield Problem("sign", f"subject {subject}", text)


_FEWEST_OTHERS = 2
_MOST_DEGREES = 60.0  # up to 28 between trials of one person and action, 52 in generated data


def _turn_doubts(means: dict[str, np.ndarray]) -> Iterator[Problem]:
    """Yields the clips whose gravity lies elsewhere than in the other trials of one action."""
    for clip_id, mean in means.items():
        others = [other for name, other in means.items() if name != clip_id]
        rest = np.mean(others, axis=0) if len(others) >= _FEWEST_OTHERS else np.zeros(3)
        size = float(np.linalg.norm(mean) * np.linalg.norm(rest))
        if size < _SOME_GRAVITY_G**2:
            continue
        degrees = float(np.degrees(np.arccos(np.clip(mean @ rest / size, -1.0, 1.0))))
        if degrees > _MOST_DEGREES:
            text = (
                f"gravity lies on {gravity_axis(mean)}, {degrees:.0f} degrees from the other "
                f"{len(others)} clips of this subject and action: was the sensor worn another way "
                "round, are axes exchanged, or is it another action?"
            )
            yield Problem("sign", clip_id, text)


def gravity_axis(mean: np.ndarray) -> str:
    """Returns the axis with most of gravity and its sign, such as "+z".

    A sensor at rest measures 1 g upwards on Android and by the rule of a prepared set, and
    downwards on iOS.

    Args:
        mean: (3,) mean vector in any unit.
    """
    axis = int(np.abs(mean).argmax())
    return f"{'-' if mean[axis] < 0 else '+'}{'xyz'[axis]}"


def prepared_doubts(prepared: PreparedSet) -> list[Problem]:
    """Returns the doubts about a prepared set: names, each clip, all clips together.

    Args:
        prepared: The set.
    """
    description, whole = prepared.description, SetDoubts()
    rate_hz = float(description.streams["accelerometer"]["nominal_rate_hz"])
    layout = SkeletonLayout.of(description) if description.joint_names else None
    sides = SideDoubts(layout, rate_hz)
    found = [
        *spelling_doubts("subject", description.subjects),
        *spelling_doubts("action", description.class_names),
    ]
    for index, row in enumerate(prepared.manifest.to_dict("records")):
        sources = {
            stream: (row[f"{stream}_source"], row[f"{stream}_sha256"])
            for stream in ("accelerometer", "skeleton")
        }
        clip = Clip(
            clip_id=row["clip_id"],
            subject=row["subject"],
            action=row["action"],
            trial=row["trial"],
            sensor_place=row["sensor_place"],
            accelerometer=prepared.accelerometer(index),
            gyroscope=prepared.gyroscope(index),
            skeleton=prepared.skeleton(index),
            sources=sources,
        )
        found += clip_doubts(clip, rate_hz, layout)
        whole.add(clip, row["action_name"])
        sides.add(clip)
    return [*found, *whole.problems(), *sides.problems()]
