"""The check of a worn sensor's axes by six poses of the forearm.

`hold_poses` waits until the wearer has held each pose still; `AxesCheck.from_poses` computes the
axis map from the six means and names faults of unit, offset and mounting.
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from data_prep.errors import UserError
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.protocol import (
    BoardClock,
    BoardHeader,
    BoardMessage,
    BoardSample,
    with_samples,
)

# For a board on the right wrist: the axis of UTD-MHAD's sensor that then points up (reads +1 g),
# and the sign. The forearm's axis (x) was fitted to the skeletons; palm and thumb were inferred
# from gestures. docs/boards.md has the numbers; the data set's authors do not document it.
WRIST_POSES = MappingProxyType(
    {
        "fingers up": (0, 1),
        "fingers down": (0, -1),
        "palm up": (2, 1),
        "palm down": (2, -1),
        "thumb down": (1, 1),
        "thumb up": (1, -1),
    }
)


_SCALE_TOLERANCE = 0.1
_OFFSET_TOLERANCE_G = 0.1
_TILT_TOLERANCE_DEGREES = 30.0


@dataclass(frozen=True)
class AxesCheck:
    """The result of the six poses.

    Attributes:
        correction: Map from the axes of the samples to the wrist's; the identity if they agree.
        scale: `(3,)` the reading of 1 g along x, y, z of the wrist, in g.
        offset: `(3,)` the reading of 0 g, in g.
        tilt: `(3,)` in degrees, between the pose's axis and the nearest axis of the sensor.
        faults: Faults besides the axes, as sentences.
    """

    correction: AxisMap
    scale: np.ndarray
    offset: np.ndarray
    tilt: np.ndarray
    faults: tuple[str, ...]

    @classmethod
    def from_poses(cls, readings: Mapping[str, np.ndarray]) -> "AxesCheck":
        """Compares the readings of opposite poses; the rule is ours.

        For each axis of the wrist, half the difference of its two poses is 1 g along one axis of
        the sensor, and half their sum the offset.

        Args:
            readings: For each of `WRIST_POSES` the mean `(3,)` in g while the wrist was still.

        Returns:
            The check.

        Raises:
            UserError: Two axes of the wrist give the same axis of the sensor, so that some poses
                were wrong.
        """
        pairs = {place: np.asarray(readings[pose]) for pose, place in WRIST_POSES.items()}
        half = np.array([(pairs[axis, 1] - pairs[axis, -1]) / 2 for axis in range(3)])
        axes = np.abs(half).argmax(axis=1)
        if len(set(axes)) != 3:
            read = ", ".join("xyz"[axis] for axis in axes)
            rule = "The six poses must turn each axis of the sensor up and down"
            raise UserError(rule, f"x, y, z of the wrist on {read} of the sensor; do them again")
        along = half[range(3), axes]
        middle = np.array([(pairs[axis, 1] + pairs[axis, -1]) / 2 for axis in range(3)])
        lengths = np.linalg.norm(half, axis=1)
        correction = AxisMap.of_matrix(half)
        tilt = np.degrees(np.arccos(np.clip(np.abs(along) / lengths, 0.0, 1.0)))
        offset = middle[range(3), axes] * correction.signs
        check = cls(correction, lengths, offset, tilt, ())
        return cls(correction, lengths, offset, tilt, check._find_faults())

    def _find_faults(self) -> tuple[str, ...]:
        faults = []
        for name, scale, offset, tilt in zip(
            "xyz", self.scale, self.offset, self.tilt, strict=True
        ):
            if abs(scale - 1.0) > _SCALE_TOLERANCE:
                faults.append(f"1 g along {name} reads {scale:.2f} g: unit or range is wrong")
            if abs(offset) > _OFFSET_TOLERANCE_G:
                faults.append(f"{name} is off by {offset:+.2f} g")
            if tilt > _TILT_TOLERANCE_DEGREES:
                faults.append(f"{name} is {tilt:.0f} degrees off the sensor's axis")
        if self.correction.is_mirrored:
            faults.append("the axes are mirrored, which no mounting causes: check the poses")
        return tuple(faults)


_STILL_SECONDS = 1.0
_STILL_G = 0.03  # standard deviation; a hand that is held still has about 0.01
_SAME_POSE_COSINE = 0.7  # 45 degrees


def hold_poses(
    messages: Iterable[BoardMessage],
    patience_seconds: float = 60.0,
) -> tuple[BoardHeader, dict[str, np.ndarray]]:
    """Prompts for each pose and waits until the board has been still in it for a second.

    Args:
        messages: From a `BoardPort`.
        patience_seconds: Longest time for each pose, by the board's clock.

    Returns:
        The board's header, and for each of `WRIST_POSES` the mean `(3,)` in g.

    Raises:
        UserError: A pose was not held in time, no header came, or the board sends no samples.
    """
    waiting = list(WRIST_POSES)
    means: dict[str, np.ndarray] = {}
    held: deque[tuple[float, tuple[float, float, float]]] = deque()
    clock = BoardClock()
    header, prompted = None, 0.0
    _prompt(waiting[0])
    for message in with_samples(messages):
        if isinstance(message, BoardHeader):
            header = message
        if not isinstance(message, BoardSample):
            continue
        now = clock.seconds(message.time_us)
        held.append((now, message.values))
        while held[-1][0] - held[0][0] > _STILL_SECONDS:
            held.popleft()
        mean = _still_mean(held)
        if mean is not None and header is not None and not _is_near(mean, list(means.values())):
            means[waiting[0]] = mean
            print("  " + ", ".join(f"{value:+.2f}" for value in mean), flush=True)
            waiting, prompted = waiting[1:], now
            held.clear()
            if not waiting:
                return header, means
            _prompt(waiting[0])
        elif now - prompted > patience_seconds:
            rule = f"Each pose must be held still within {patience_seconds:g} s"
            raise UserError(rule, f"not still: {waiting[0]}")
    raise UserError("The poses need a board that sends samples", "the end")


def _prompt(pose: str) -> None:
    print(f"hold still: {pose}", flush=True)


def _still_mean(held: deque[tuple[float, tuple[float, float, float]]]) -> np.ndarray | None:
    """Returns the mean of the last second if the sensor was still, else None."""
    if held[-1][0] - held[0][0] < 0.9 * _STILL_SECONDS:
        return None
    values = np.array([sample for _, sample in held])
    # NaN is not still.
    return values.mean(axis=0) if (values.std(axis=0) < _STILL_G).all() else None


def _is_near(mean: np.ndarray, others: list[np.ndarray]) -> bool:
    """Returns whether the reading is still near the one of the pose before."""
    if not others:
        return False
    lengths = np.linalg.norm(mean) * np.linalg.norm(others[-1])
    return bool(mean @ others[-1] > _SAME_POSE_COSINE * lengths)
