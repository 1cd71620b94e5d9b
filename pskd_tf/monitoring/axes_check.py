"""Readings in known poses, and what they say about the axes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_prep.user_error import UserError
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.wrist_poses import WRIST_POSES

_SCALE_TOLERANCE = 0.1
_OFFSET_TOLERANCE_G = 0.1
_TILT_TOLERANCE_DEGREES = 30.0


@dataclass(frozen=True)
class AxesCheck:
    """What the six poses say.

    Attributes:
        correction: From the axes of the samples to the wrist's; the identity if all is well.
        scale: `(3,)` for x, y, z of the wrist: what 1 g reads.
        offset: `(3,)` in g, what none reads.
        tilt: `(3,)` in degrees, between the pose's axis and the nearest axis of the sensor.
        faults: What is wrong besides the axes, as sentences.
    """

    correction: AxisMap
    scale: np.ndarray
    offset: np.ndarray
    tilt: np.ndarray
    faults: tuple[str, ...]

    @classmethod
    def from_poses(cls, readings: Mapping[str, np.ndarray]) -> "AxesCheck":
        """Judges readings; the rule is ours.

        For each axis of the wrist, half the difference of its two poses is 1 g along one axis of
        the sensor, and half their sum the offset.

        Args:
            readings: For each of `WRIST_POSES` the mean `(3,)` in g while it was held still.

        Returns:
            The check.

        Raises:
            UserError: Two axes of the wrist read the same axis: the poses were not those asked for.
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
        signs = tuple(-1 if value < 0 else 1 for value in along)
        correction = AxisMap(tuple(map(int, axes)), signs)
        tilt = np.degrees(np.arccos(np.clip(np.abs(along) / lengths, 0.0, 1.0)))
        offset = middle[range(3), axes] * signs
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
                faults.append(f"{name} is {tilt:.0f} degrees askew of the sensor's axis")
        if self.correction.is_mirrored:
            faults.append("the axes are mirrored, which no way of wearing does: check the poses")
        return tuple(faults)
