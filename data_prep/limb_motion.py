"""The motion of a limb from a skeleton: acceleration of a place on it, its axes, their turn rates.

`LimbSite` finds the joints of a place by name ("right_wrist"). Gravity and the way in which a
sensor is turned on the limb are added by `virtual_acceleration.py`. The axes and the constants are
ours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from data_prep.errors import UserError
from data_prep.skeletons import SkeletonLayout

SMOOTH_SECONDS = 0.08
_LEAST_FRAMES = 3  # a second difference
_STRAIGHT = 0.05  # weight of the directions that turn the axes of a straight limb
# Where a sensor is worn: the joint at the limb's end, and how far along the limb it lies.
_PLACES = {
    "wrist": ("wrist", 1.0),
    "forearm": ("wrist", 0.5),
    "arm": ("elbow", 0.5),
    "thigh": ("knee", 0.5),
    "shank": ("ankle", 0.5),
    "ankle": ("ankle", 1.0),
}


@dataclass(frozen=True)
class LimbSite:
    """A place on a limb, as indices of the joints that define its position and its axes.

    Attributes:
        joint: The joint at the limb's end ("right_wrist").
        parent: The joint at its beginning ("right_elbow").
        neighbour: Two joints; the first axis across the limb lies in the plane of the limb and the
            line from the first to the second (the upper arm; the line of the shoulders where the
            limb begins at the trunk).
        shoulders: The left and the right shoulder.
        hips: The left and the right hip; the root of a skeleton that lacks them.
        along: Where on the limb: 0 at its beginning, 1 at its end.
        up_axis: Index of the vertical axis.
    """

    joint: int
    parent: int
    neighbour: tuple[int, int]
    shoulders: tuple[int, int]
    hips: tuple[int, ...]
    along: float
    up_axis: int

    @classmethod
    def find(cls, layout: SkeletonLayout, place: str) -> "LimbSite":
        """Finds the limb of a sensor's place by the names of the joints.

        Args:
            layout: The joints; "RightWrist" and "wrist_right" are found as "right_wrist" is.
            place: Side and part: wrist, forearm, arm, thigh, shank or ankle ("right_wrist").

        Raises:
            UserError: The skeleton has two dimensions, the place is no part of a limb, or the
                layout lacks a joint of it.
        """
        if layout.dimensions != 3:
            rule = (
                "Virtual acceleration needs a skeleton in 3 dimensions: without depth the direction"
                " of gravity along the limb is unknown"
            )
            raise UserError(rule, f"{layout.dimensions} dimensions")
        words = re.split(r"[\s_-]+", place.lower())
        part = next((word for word in words if word in _PLACES), None)
        side = next((word for word in words if word in ("left", "right")), None)
        if part is None or side is None:
            rule = f"A virtual sensor's place must be left or right with {', '.join(_PLACES)}"
            raise UserError(rule, place)
        name, along = _PLACES[part]
        joint = _joint(layout, side, name)
        parent = layout.joint_parents[joint]
        shoulders = (_joint(layout, "left", "shoulder"), _joint(layout, "right", "shoulder"))
        found = (_found(layout, "left", "hip"), _found(layout, "right", "hip"))
        hips = tuple(index for index in found if index is not None) or (layout.root_joint,)
        if parent < 0:
            rule = f"The joint {layout.joint_names[joint]} must have a parent"
            raise UserError(rule, "the root of the skeleton")
        before = layout.joint_parents[parent]
        at_trunk = before < 0 or side not in layout.joint_names[before].lower()
        neighbour = shoulders if at_trunk else (before, parent)
        return cls(joint, parent, neighbour, shoulders, hips, along, layout.up_axis)


def joint_of_place(layout: SkeletonLayout, place: str) -> int | None:
    """Returns the joint at the end of the limb on which a sensor is worn, None if none is named so.

    Args:
        layout: The joints.
        place: Side and part, as for `LimbSite.find`.
    """
    words = re.split(r"[\s_-]+", place.lower())
    part = next((word for word in words if word in _PLACES), None)
    side = next((word for word in words if word in ("left", "right")), None)
    return None if part is None or side is None else _found(layout, side, _PLACES[part][0])


def _found(layout: SkeletonLayout, side: str, name: str) -> int | None:
    for index, joint in enumerate(layout.joint_names):
        if side in joint.lower() and name in joint.lower():
            return index
    return None


def _joint(layout: SkeletonLayout, side: str, name: str) -> int:
    index = _found(layout, side, name)
    if index is not None:
        return index
    rule = f"Virtual acceleration needs a joint {side}_{name}"
    raise UserError(rule, ", ".join(layout.joint_names) or "no joints")


def upwards(skeletons: Iterable[np.ndarray], site: LimbSite) -> np.ndarray:
    """Returns the direction that points up: the vertical axis, from the hips to the shoulders.

    Args:
        skeletons: Clips `(frames, joints, 3)` of people who are mostly upright.
        site: Joints and vertical axis.

    Returns:
        `(3,)` unit vector.
    """
    heights = [np.asarray(clip[:, :, site.up_axis], np.float64).mean(axis=0) for clip in skeletons]
    torso = [joint[[*site.shoulders]].mean() - joint[[*site.hips]].mean() for joint in heights]
    up = np.zeros(3)
    up[site.up_axis] = 1.0 if np.mean(torso) >= 0 else -1.0
    return up


def place_acceleration(positions: np.ndarray, rate_hz: float) -> np.ndarray:
    """Returns the second difference of positions, smoothed by a Gaussian of 0.08 s.

    The first and the last frame take the value of their neighbour, and the smoothing continues the
    ends by reflection, so that a constant acceleration comes back exactly. A sine of f Hz is damped
    by `exp(-(2 pi f 0.08 s)^2 / 2)` and by the second difference.

    Args:
        positions: `(frames, 3)` in metres, at least 3 frames.
        rate_hz: Frames a second.

    Returns:
        float64 `(frames, 3)` in m/s^2.

    Raises:
        UserError: There are fewer than 3 frames.
    """
    if len(positions) < _LEAST_FRAMES:
        rule = f"Virtual acceleration needs at least {_LEAST_FRAMES} frames"
        raise UserError(rule, len(positions))
    second = np.diff(np.asarray(positions, np.float64), 2, axis=0) * rate_hz**2
    return _smoothed(np.pad(second, [(1, 1), (0, 0)], mode="edge"), rate_hz)


def _smoothed(values: np.ndarray, rate_hz: float) -> np.ndarray:
    smoothed = gaussian_filter1d(values, SMOOTH_SECONDS * rate_hz, axis=0, mode="reflect")
    return np.asarray(smoothed)


def limb_axes(skeleton: np.ndarray, rate_hz: float, site: LimbSite, up: np.ndarray) -> np.ndarray:
    """Returns the axes of the limb: along it, across it towards the neighbour, and normal to both.

    Args:
        skeleton: `(frames, joints, 3)` in metres.
        rate_hz: Frames a second.
        site: The limb.
        up: `(3,)` the direction that points up.

    Returns:
        float64 `(frames, axes, 3)`, orthonormal and right-handed.
    """
    limb, neighbour, lateral = limb_directions(skeleton, rate_hz, site)
    # Where limb and neighbour lie on one line, the smaller directions decide: the shoulders' line
    # for a hanging arm, the vertical for an arm held out sideways.
    across = neighbour + _STRAIGHT * (lateral + up)
    across = _unit(across - (across * limb).sum(axis=1, keepdims=True) * limb)
    return np.stack([limb, across, np.cross(limb, across)], axis=1)


def turn_rates(axes: np.ndarray, rate_hz: float) -> np.ndarray:
    """Returns the angular rate of axes, as a gyroscope along these axes measures it.

    Args:
        axes: `(frames, axes, 3)` orthonormal, at least 2 frames.
        rate_hz: Frames a second.

    Returns:
        float64 `(frames, 3)` in degrees a second: the mean of the steps before and after a frame.
    """
    steps = Rotation.from_matrix(axes[:-1] @ axes[1:].transpose(0, 2, 1)).as_rotvec(degrees=True)
    padded = np.concatenate([steps[:1], steps, steps[-1:]])
    return np.asarray((padded[:-1] + padded[1:]) / 2 * rate_hz)


def limb_directions(
    skeleton: np.ndarray, rate_hz: float, site: LimbSite
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the directions of the limb, of its neighbour and from the left shoulder to the right.

    Args:
        skeleton: `(frames, joints, 3)` in metres.
        rate_hz: Frames a second.
        site: The limb.

    Returns:
        Three float64 `(frames, 3)` of unit vectors, smoothed as `place_acceleration` is.
    """
    ends = ((site.parent, site.joint), site.neighbour, site.shoulders)
    joints = np.asarray(skeleton, np.float64)
    limb, neighbour, lateral = (
        _unit(_smoothed(joints[:, end] - joints[:, start], rate_hz)) for start, end in ends
    )
    return limb, neighbour, lateral


def _unit(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-9))
