"""Six poses of a wrist, for every way in which a sensor can be mounted."""

import itertools

import numpy as np
import pytest

from data_prep.errors import UserError
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.axes import WRIST_POSES, AxesCheck, hold_poses
from pskd_tf.monitoring.protocol import BoardHeader, BoardSample

HEADER = BoardHeader("0", "tflm", 50.0, 8.0, "+x+y+z", 8)


def readings(axis_map: AxisMap, gain=1.0, offset=(0.0, 0.0, 0.0), turn=None):
    """What a sensor reads whose wrist axes come from `axis_map`."""
    poses = {}
    for pose, (axis, sign) in WRIST_POSES.items():
        gravity = sign * np.eye(3)[axis]
        if turn is not None:
            gravity = turn @ gravity
        poses[pose] = gain * axis_map.inverse().apply(gravity) + offset
    return poses


def test_every_mounting_is_found():
    for axes in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            axis_map = AxisMap(axes, signs)
            check = AxesCheck.from_poses(readings(axis_map))
            assert check.correction == axis_map
            np.testing.assert_allclose(check.scale, 1.0)
            np.testing.assert_allclose(check.offset, 0.0, atol=1e-12)
            mirrored = any("mirrored" in fault for fault in check.faults)
            assert mirrored == axis_map.is_mirrored and len(check.faults) == mirrored


def test_scale_offset_and_tilt_are_reported():
    axis_map = AxisMap.parse("-z,+x,-y")
    check = AxesCheck.from_poses(readings(axis_map, gain=9.80665))
    np.testing.assert_allclose(check.scale, 9.80665)
    assert check.faults[0] == "1 g along x reads 9.81 g: unit or range is wrong"
    check = AxesCheck.from_poses(readings(axis_map, offset=(0.0, 0.2, 0.0)))
    np.testing.assert_allclose(check.offset, axis_map.apply(np.array([0.0, 0.2, 0.0])))
    assert check.faults == ("z is off by -0.20 g",)
    angle = np.radians(35)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    check = AxesCheck.from_poses(readings(AxisMap(), turn=turn))
    np.testing.assert_allclose(check.tilt, [35, 35, 0], atol=1e-6)
    assert check.correction == AxisMap()
    assert [fault[:12] for fault in check.faults] == ["x is 35 degr", "y is 35 degr"]


def test_the_same_pose_twice_is_no_check():
    poses = readings(AxisMap())
    poses |= {"palm up": poses["fingers up"], "palm down": poses["fingers down"]}
    with pytest.raises(UserError, match="on x, y, x of the sensor; do them again"):
        AxesCheck.from_poses(poses)


def _samples(poses, seconds=2.0, noise=0.01, between=1.0):
    """A board that is held in each pose and shaken between them."""
    generator = np.random.default_rng(0)
    time_us = (1 << 32) - 2_000_000
    yield HEADER
    for mean in poses:
        for spread, duration in ((noise, seconds), (0.5, between)):
            for _ in range(int(50 * duration)):
                values = tuple(mean + generator.normal(0, spread, 3))
                yield BoardSample(time_us % (1 << 32), values)
                time_us += 20_000


def test_poses_are_taken_when_still_and_new(capsys):
    """The pose held longest is not taken twice; shaking is not taken at all."""
    expected = readings(AxisMap.parse("+y,-x,+z"))
    order = list(expected.values())
    header, means = hold_poses(_samples([order[0], order[0], *order[1:]]))
    assert header == HEADER and list(means) == list(WRIST_POSES)
    for pose, mean in means.items():
        np.testing.assert_allclose(mean, expected[pose], atol=0.02)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "hold still: fingers up" and len(printed) == 12


@pytest.mark.parametrize("noise", [0.2, np.nan])
def test_patience_ends(noise):
    poses = list(readings(AxisMap()).values())
    with pytest.raises(UserError, match=r"within 30 s.*fingers up"):
        hold_poses(_samples(poses, seconds=20.0, noise=noise), patience_seconds=30.0)
