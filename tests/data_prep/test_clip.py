"""Units, shapes and lengths a clip must have."""

import numpy as np
import pytest

from data_prep.clip import check_clip
from data_prep.errors import UserError

UP = np.float32([0, 1, 0])
BODY = np.linspace(0, 1, 12, dtype=np.float32).reshape(1, 4, 3).repeat(3, axis=0)


def test_good_clip_passes(still_clip):
    check_clip(still_clip(gyroscope=np.zeros((4, 3), np.float32), skeleton=BODY))


@pytest.mark.parametrize("samples", [0, 1])
def test_too_short(still_clip, samples: int):
    with pytest.raises(UserError, match=r"^A clip needs at least 2 samples\..*watch\.csv"):
        check_clip(still_clip(accelerometer=np.tile(UP, (samples, 1))))


def test_shortest_clip_passes(still_clip):
    check_clip(still_clip(accelerometer=np.tile(UP, (2, 1))))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("stream", ["accelerometer", "gyroscope", "skeleton"])
def test_not_finite(still_clip, stream: str, value: float):
    streams = {
        "accelerometer": np.tile(UP, (3, 1)),
        "gyroscope": np.zeros((3, 3), np.float32),
        "skeleton": BODY.copy(),
    }
    streams[stream][2, ..., 1] = value
    with pytest.raises(UserError, match=f"^The {stream} must be finite.*sample 2"):
        check_clip(still_clip(**streams))


@pytest.mark.parametrize(
    ("stream", "shape"),
    [
        ("accelerometer", (4, 2)),
        ("accelerometer", (4,)),
        ("gyroscope", (4, 6)),
        ("skeleton", (4, 3)),
        ("skeleton", (4, 20, 2)),
        ("skeleton", (4, 0, 3)),
    ],
)
def test_shape(still_clip, stream: str, shape: tuple[int, ...]):
    with pytest.raises(UserError, match=f"^The {stream} must be of shape"):
        check_clip(still_clip(**{stream: np.ones(shape, np.float32)}))


@pytest.mark.parametrize("factor", [9.80665, 1000.0, 0.102, 0.0])
def test_unit_of_accelerometer(still_clip, factor: float):
    """m/s^2, mg, g divided by 9.8 and zeros, all given as g."""
    with pytest.raises(UserError, match=r"^The unit of the accelerometer must be g .*watch\.csv"):
        check_clip(still_clip(accelerometer=np.tile(factor * UP, (4, 1))))


def test_accelerometer_spike(still_clip):
    values = np.tile(UP, (9, 1))
    values[4] *= 65
    with pytest.raises(UserError, match="largest 65"):
        check_clip(still_clip(accelerometer=values))


def test_unit_of_gyroscope(still_clip):
    with pytest.raises(UserError, match=r"^The unit of the gyroscope must be deg/s"):
        check_clip(still_clip(gyroscope=np.full((4, 3), -4001, np.float32)))


def test_length_of_gyroscope(still_clip):
    with pytest.raises(UserError, match="Received: 3 and 4 samples"):
        check_clip(still_clip(gyroscope=np.zeros((3, 3), np.float32)))


@pytest.mark.parametrize("factor", [100.0, 1000.0, 0.001])
def test_unit_of_skeleton(still_clip, factor: float):
    """cm and mm given as metres, and km."""
    with pytest.raises(UserError, match=r"^The unit of the skeleton must be metres"):
        check_clip(still_clip(skeleton=BODY * np.float32(factor)))


def flat_body(confidence: float, size: float = 1.0) -> np.ndarray:
    body = BODY * np.float32(size)
    body[..., 2] = confidence
    return body


def test_skeleton_in_two_dimensions(still_clip):
    """Its third channel is no length: as one it would hide a body of no extent."""
    check_clip(still_clip(skeleton=flat_body(0.9)), skeleton_dimensions=2)
    spread = flat_body(0.0, size=0.0)
    spread[:, 0, 2] = 1.0
    with pytest.raises(UserError, match="The unit of the skeleton must be metres"):
        check_clip(still_clip(skeleton=spread), skeleton_dimensions=2)


@pytest.mark.parametrize("confidence", [-0.1, 1.1])
def test_confidence_out_of_range(still_clip, confidence: float):
    with pytest.raises(UserError, match="third channel of a skeleton in 2 dimensions must be 0"):
        check_clip(still_clip(skeleton=flat_body(confidence)), skeleton_dimensions=2)


def test_a_clip_may_have_a_skeleton_alone(still_clip):
    body = np.zeros((3, 2, 3), np.float32)
    body[:, 1, 1] = 1.7
    check_clip(still_clip(accelerometer=None, skeleton=body))
    with pytest.raises(UserError, match=r"an accelerometer or a skeleton\. Received: neither"):
        check_clip(still_clip(accelerometer=None))
    with pytest.raises(UserError, match="Received: 4 and 0 samples"):
        check_clip(
            still_clip(accelerometer=None, skeleton=body, gyroscope=np.zeros((4, 3), np.float32))
        )
    with pytest.raises(UserError, match="The unit of the skeleton must be metres"):
        check_clip(still_clip(accelerometer=None, skeleton=1000 * body))


def test_three_equal_axes_are_refused(still_clip):
    values = np.float32(np.tile(np.linspace(0.5, 0.6, 9)[:, None], (1, 3)))
    clip = still_clip(accelerometer=values, sources={"accelerometer": ("watch.csv", "")})
    with pytest.raises(UserError, match=r"^The three axes must differ\. .*watch\.csv"):
        check_clip(clip)
