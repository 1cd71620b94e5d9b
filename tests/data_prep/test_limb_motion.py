"""The motion of a limb, by closed forms."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bodies import KINECT, UP, standing
from data_prep.errors import UserError
from data_prep.limb_motion import (
    SMOOTH_SECONDS,
    LimbSite,
    limb_axes,
    place_acceleration,
    turn_rates,
    upwards,
)
from data_prep.skeletons import SkeletonLayout

NAMES = KINECT.joint_names
WRIST = LimbSite.find(KINECT, "right_wrist")


def test_a_point_on_a_circle_is_accelerated_towards_its_centre():
    """By r w^2, damped by the Gaussian and by the second difference as the docstring states."""
    rate, frequency, radius = 60.0, 1.5, 0.4
    omega = 2 * np.pi * frequency
    angle = omega * np.arange(300) / rate
    circle = radius * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    found = place_acceleration(circle, rate)[30:-30]
    damping = np.exp(-((omega * SMOOTH_SECONDS) ** 2) / 2)
    damping *= 2 * (1 - np.cos(omega / rate)) * (rate / omega) ** 2
    np.testing.assert_allclose(found, -(omega**2) * circle[30:-30] * damping, atol=5e-3)
    assert np.abs(found).max() > 20


def test_a_constant_acceleration_comes_back_exactly_in_every_frame():
    times = np.arange(40) / 30.0
    path = np.stack([1 + 2 * times, 3 - 4.905 * times**2, 0.5 * times**2], axis=1)
    expected = np.tile([0.0, -9.81, 1.0], (40, 1))
    np.testing.assert_allclose(place_acceleration(path, 30.0), expected, atol=1e-9)


@pytest.mark.parametrize("y", [1.0, -1.0])
def test_up_is_where_the_shoulders_are(y: float):
    np.testing.assert_array_equal(upwards([standing(3) * [1, y, 1]], WRIST), [0, y, 0])


@pytest.mark.parametrize("direction", [[0, -1, 0], [1, 0, 0], [0, 0, 1]])
def test_the_axes_of_a_straight_arm_are_orthonormal(direction: list[float]):
    body = standing(4)
    shoulder = body[:, NAMES.index("right_shoulder")]
    for joint, metres in (("elbow", 0.3), ("wrist", 0.55)):
        body[:, NAMES.index(f"right_{joint}")] = shoulder + metres * np.array(direction)
    axes = limb_axes(body, 30.0, WRIST, UP)
    np.testing.assert_allclose(
        axes @ axes.transpose(0, 2, 1), np.tile(np.eye(3), (4, 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(axes), 1.0)
    np.testing.assert_allclose(axes[:, 0], np.tile(direction, (4, 1)), atol=1e-12)


def test_a_steady_turn_has_its_rate_in_every_frame():
    turns = Rotation.from_rotvec(np.outer(np.arange(20) / 25.0, [0.0, 0.0, 2.0]))
    rates = turn_rates(turns.as_matrix().transpose(0, 2, 1), 25.0)
    np.testing.assert_allclose(rates, np.tile([0, 0, np.degrees(2.0)], (20, 1)), atol=1e-9)


def test_a_thigh_sensor_lies_halfway_and_its_neighbour_is_the_shoulders_line():
    site = LimbSite.find(KINECT, "right_thigh")
    assert [NAMES[joint] for joint in (site.parent, site.joint)] == [
        "right_hip",
        "right_knee",
    ]
    assert site.along == 0.5
    assert [NAMES[joint] for joint in site.neighbour] == [
        "left_shoulder",
        "right_shoulder",
    ]
    assert [NAMES[joint] for joint in WRIST.neighbour] == [
        "right_shoulder",
        "right_elbow",
    ]


@pytest.mark.parametrize(
    ("layout", "place", "message"),
    [
        (
            SkeletonLayout.load("coco_17"),
            "right_wrist",
            "needs a skeleton in 3 dimensions: without depth .* Received: 2 dimensions",
        ),
        (KINECT, "right_pocket", "left or right with wrist, forearm, .* Received: right_pocket"),
        (KINECT, "wrist", "left or right with wrist"),
        (SkeletonLayout((), ()), "right_wrist", "a joint right_wrist. Received: no joints"),
        (
            SkeletonLayout(("left_wrist", "right_wrist"), (-1, 0)),
            "right_wrist",
            "a joint left_shoulder. Received: left_wrist, right_wrist",
        ),
        (
            SkeletonLayout(
                ("right_wrist", "right_shoulder", "left_shoulder", "left_hip", "right_hip"),
                (-1, 0, 1, 1, 1),
            ),
            "right_wrist",
            "The joint right_wrist must have a parent. Received: the root",
        ),
    ],
)
def test_layouts_without_the_limb_are_refused(layout: SkeletonLayout, place: str, message: str):
    with pytest.raises(UserError, match=message):
        LimbSite.find(layout, place)
