"""Virtual sensors fitted on a simulated arm whose sensor is known."""

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from bodies import GRAVITY, KINECT, UP, standing, worn_sensor
from data_prep.errors import UserError
from data_prep.limb_motion import LimbSite, limb_axes
from data_prep.skeletons import KNOWN_SKELETONS, SkeletonLayout
from data_prep.virtual_acceleration import (
    VirtualSensor,
    chip_readings,
    fit_ridge,
    fit_rotation,
    paired_frame_rate,
    quality_on_others,
    sensor_quality,
)

WRIST = LimbSite.find(KINECT, "right_wrist")


@pytest.fixture(scope="module")
def mounting() -> Rotation:
    return Rotation.from_euler("xyz", [40, -70, 110], degrees=True)


@pytest.fixture(scope="module")
def clips(mounting: Rotation) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [worn_sensor(seed, mounting) for seed in range(4)]


@pytest.fixture(scope="module")
def sensor(clips: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> VirtualSensor:
    skeletons, accelerations, _ = zip(*clips[:3], strict=True)
    return VirtualSensor.fit(skeletons, accelerations, KINECT, "right_wrist", 50.0)


@pytest.mark.parametrize(
    "name", [name for name, (_, dimensions) in KNOWN_SKELETONS.items() if dimensions == 3]
)
def test_every_known_layout_has_a_wrist_that_can_be_simulated(name: str, mounting: Rotation):
    layout = SkeletonLayout.load(name)
    made = [worn_sensor(seed, mounting, samples=201, layout=layout) for seed in (5, 6)]
    (skeleton, known, _), (other, unseen, _) = made
    found = VirtualSensor.fit([skeleton], [known], layout, "right_wrist", 50.0)
    quality = sensor_quality([found.by_rotation(other, len(unseen))], [unseen])
    assert min(quality.r2) > 0.98
    assert LimbSite.find(layout, "left_thigh").parent == layout.joint_names.index("left_hip")


def test_still_is_one_g_upwards(sensor: VirtualSensor, mounting: Rotation):
    still = sensor.by_rotation(standing(31))
    assert still.shape == (51, 3) and still.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(still, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(still, np.tile(mounting.apply(UP), (51, 1)), atol=0.02)


def test_free_fall_is_weightless(sensor: VirtualSensor):
    falling = standing(31)
    falling[:, :, 1] -= 0.5 * GRAVITY * (np.arange(31) / 30.0)[:, None] ** 2
    np.testing.assert_allclose(sensor.by_rotation(falling), np.zeros((51, 3)), atol=1e-5)


def test_the_mounting_is_recovered(sensor: VirtualSensor, mounting: Rotation):
    """From the limb's axes in the rest pose: their rows, turned by the mounting."""
    rest = limb_axes(standing(5), 30.0, WRIST, UP)[2]
    expected = mounting.as_matrix() @ rest.T
    off = Rotation.from_matrix(sensor.rotation @ expected.T).magnitude()
    assert np.degrees(off) < 1.0  # the small directions for straight limbs turn it a little


def test_noise_hardly_turns_the_mounting(clips, mounting: Rotation):
    random = np.random.default_rng(0)
    skeletons, accelerations, _ = zip(*clips, strict=True)
    noisy = [chip_readings(clip, 0.1, 8.0, random) for clip in accelerations]
    found = VirtualSensor.fit(skeletons, noisy, KINECT, "right_wrist", 50.0)
    rest = limb_axes(standing(5), 30.0, WRIST, UP)[2]
    off = Rotation.from_matrix(found.rotation @ rest @ mounting.as_matrix().T).magnitude()
    assert np.degrees(off) < 1.5


def test_both_ways_follow_a_sensor_that_the_fit_did_not_use(sensor: VirtualSensor, clips):
    skeleton, acceleration, rates = clips[3]
    for way in (sensor.by_rotation, sensor.by_regression):
        quality = sensor_quality([way(skeleton, len(acceleration))], [acceleration])
        assert min(quality.r2) > 0.93 and min(quality.correlation) > 0.97
    turned = sensor_quality([sensor.turn_rate(skeleton, len(rates))], [rates])
    assert min(turned.r2) > 0.98


def test_the_camera_may_move_but_not_tilt(sensor: VirtualSensor, clips):
    skeleton = clips[3][0]
    turned = Rotation.from_rotvec([0, 1.1, 0]).apply(skeleton.reshape(-1, 3))
    turned = turned.reshape(skeleton.shape) + np.array([2.0, 0.3, -1.0])
    for way in (sensor.by_rotation, sensor.by_regression, sensor.turn_rate):
        np.testing.assert_allclose(way(turned), way(skeleton), atol=2e-4)


def test_frames_without_a_sensor_count_by_the_rate_of_the_paired_ones(sensor: VirtualSensor, clips):
    assert sensor.frame_rate_hz == pytest.approx(30.0, rel=0.01)
    assert paired_frame_rate(68, 179, 50.0) == pytest.approx(18.82, abs=0.01)
    slow = dataclasses.replace(sensor, frame_rate_hz=20.0)
    assert len(slow.by_regression(clips[3][0])) == round((len(clips[3][0]) - 1) * 50 / 20) + 1


def test_the_rotation_and_the_ridge_of_hand_made_vectors():
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    vectors = np.array([[1.0, 0, 0], [0, 2, 0], [0, 0, 3], [1, 1, 1]])
    np.testing.assert_allclose(fit_rotation(vectors, vectors @ quarter.T), quarter, atol=1e-12)
    # One input of mean square 4: the weight shrinks by 4 / 4.01.
    inputs = np.array([[2.0], [-2.0]])
    np.testing.assert_allclose(fit_ridge(inputs, 3 * inputs), [[3 * 4 / 4.01]])


def test_a_chip_adds_noise_and_saturates():
    readings = chip_readings(np.full((2000, 3), 1.9), 0.1, 2.0, np.random.default_rng(0))
    assert readings.max() == 2.0 and readings.dtype == np.float32
    quiet = chip_readings(np.array([[-9.0, 0.5, 9.0]]), 0.0, 8.0, np.random.default_rng(0))
    np.testing.assert_array_equal(quiet, [[-8.0, 0.5, 8.0]])


def test_quality_of_hand_made_signals():
    real = np.array([[0.0, 0, 0], [1, 2, 0], [2, 4, 0]])
    ours = real * [2, -1, 1]
    quality = sensor_quality([ours[:1], ours[1:]], [real[:1], real[1:]])
    assert quality.correlation[:2] == pytest.approx((1.0, -1.0))
    # Errors of axis 0: 0, 1, 2 against deviations -1, 0, 1; of axis 1: 0, 4, 8 against -2, 0, 2.
    assert quality.r2[:2] == pytest.approx((1 - 5 / 2, 1 - 80 / 8))
    assert np.isnan(quality.correlation[2])


def test_quality_on_others_leaves_each_person_out(clips, mounting: Rotation):
    """A person who wears the watch the other way round is badly predicted by the others."""
    skeletons, accelerations, _ = zip(*clips, strict=True)
    people = ["a", "b", "c", "c"]
    rotation, regression = quality_on_others(
        skeletons, accelerations, people, KINECT, "right_wrist", 50.0
    )
    assert min(rotation.r2) > 0.98 and min(regression.r2) > 0.85
    odd = [accelerations[0] * [-1, -1, 1], *accelerations[1:]]
    worse, _ = quality_on_others(skeletons, odd, people, KINECT, "right_wrist", 50.0)
    assert worse.r2[0] < 0


def test_too_little_to_fit_on(sensor: VirtualSensor, clips):
    with pytest.raises(UserError, match="at right_wrist needs clips with both streams"):
        VirtualSensor.fit([], [], KINECT, "right_wrist", 50.0)
    with pytest.raises(UserError, match=r"at least 3 frames\. Received: 2"):
        sensor.by_rotation(standing(2))
    skeleton, acceleration, _ = clips[0]
    with pytest.raises(
        UserError, match=r"of at least 2\. Received: 1 with a sensor at right_wrist"
    ):
        quality_on_others([skeleton], [acceleration], ["a"], KINECT, "right_wrist", 50.0)
