"""BVH files: hierarchy and forward kinematics in closed form, damage refused."""

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.formats.bvh import BvhFile

_ARM = """HIERARCHY
ROOT hip
{
  OFFSET 0 0 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Yrotation Xrotation
  JOINT elbow
  {
    OFFSET 10 0 0
    CHANNELS 3 Zrotation Yrotation Xrotation
    JOINT wrist
    {
      OFFSET 5 0 0
      CHANNELS 3 Zrotation Yrotation Xrotation
      End Site
      {
        OFFSET 1 0 0
      }
    }
  }
  JOINT knee
  {
    OFFSET 0 -40 0
    CHANNELS 0
  }
}
MOTION
Frames: 2
Frame Time: 0.00208
1 2 3 0 0 0 0 0 0 0 0 0
1 2 3 90 0 0 0 90 0 7 8 9
"""


def test_hierarchy():
    bvh = BvhFile.parse(_ARM.encode(), "a.bvh", motion=False)
    assert bvh.joint_names == ["hip", "elbow", "wrist", "knee"]
    assert bvh.joint_parents == [-1, 0, 1, 0]
    assert bvh.frame_seconds == 0.00208
    assert bvh.positions is None


def test_forward_kinematics():
    bvh = BvhFile.parse(_ARM.replace("\n", "\r\n").rstrip().encode(), "a.bvh")
    rest = [[1, 2, 3], [11, 2, 3], [16, 2, 3], [1, -38, 3]]
    # 90 degrees about z turns x to y; then, in the elbow's frame, 90 about y turns x to -z.
    turned = [[1, 2, 3], [1, 12, 3], [1, 12, -2], [41, 2, 3]]
    np.testing.assert_allclose(bvh.positions, [rest, turned], atol=1e-12)


def test_rotations_multiply_in_the_order_of_the_channels():
    text = _ARM.replace("Zrotation Yrotation Xrotation", "Xrotation Yrotation Zrotation")
    # Root: 90 about x, then 90 about y: x -> -z (y turn) -> y (x turn).
    text = text.replace("1 2 3 90 0 0 0 90 0 7 8 9", "0 0 0 90 90 0 0 0 0 0 0 0")
    positions = BvhFile.parse(text.encode(), "a.bvh").positions
    np.testing.assert_allclose(positions[1, 1], [0, 10, 0], atol=1e-12)


def test_position_channels_take_the_place_of_the_offset():
    text = _ARM.replace("CHANNELS 0", "CHANNELS 3 Xposition Yposition Zposition")
    text = text.replace("0 0 0\n1 2 3 90", "0 0 0 0 -50 0\n1 2 3 90").replace(
        "7 8 9", "7 8 9 0 -50 0"
    )
    positions = BvhFile.parse(text.encode(), "a.bvh").positions
    np.testing.assert_allclose(positions[:, 3], [[1, -48, 3], [51, 2, 3]], atol=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "HIERARCHIE", "well formed. Received: no HIERARCHY at the start"),
        ("MOTION", "", "must hold a hierarchy and MOTION. Received: no MOTION"),
        ("JOINT knee", "JOINT hip", "a joint named twice"),
        ("JOINT knee", "ROOT knee", "exactly one ROOT"),
        ("OFFSET 10 0 0", "OFFSET 10 0 x", "could not convert"),
        ("OFFSET 10 0 0", "OFFSET 10 0 inf", "not finite"),
        ("OFFSET 10 0 0", "", "a joint without OFFSET"),
        ("CHANNELS 0", "CHANNELS 700", "700 channels of a joint"),
        ("OFFSET 1 0 0", "CHANNELS 0", "CHANNELS of an end site"),
        ("CHANNELS 0", "CHANNELS 1 Xscale", "channels xscale"),
        ("CHANNELS 0", "CHANNELS 1 Xposition", "some but not all position channels"),
        ("}\nMOTION", "MOTION", "not closed"),
        ("Frames: 2", "Frames: 3", "must hold 3 frames. Received: 2"),
        ("Frames: 2", "Frames: two", "MOTION must start with Frames:"),
        ("0.00208", "0", "MOTION must start with Frames:"),
        ("7 8 9", "7 8", "rows of numbers"),
        ("7 8 9", "7 8 nan", "finite numbers"),
    ],
)
def test_damage_is_named(old: str, new: str, message: str):
    assert old in _ARM
    with pytest.raises(UserError) as error:
        BvhFile.parse(_ARM.replace(old, new, 1).encode(), "a.bvh")
    assert message in str(error.value)
    assert str(error.value).endswith("(file: a.bvh)")
