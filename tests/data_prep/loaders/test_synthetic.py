"""The synthetic set: bodies, sensors, and clips that a seed determines."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, strategies as st
from sklearn.ensemble import RandomForestClassifier

from data_prep.clip import STANDARD_GRAVITY, Clip, check_clip
from data_prep.errors import UserError
from data_prep.loaders.synthetic.loader import SyntheticLoader, SyntheticStyle
from data_prep.loaders.synthetic.movements import (
    ANGLE_NAMES,
    JOINT_NAMES,
    JOINT_PARENTS,
    RIGHT_WRIST,
    Body,
    between_rests,
    body_pose,
    ideal_accelerometer,
    ideal_gyroscope,
    turn,
)

EXACT = SyntheticStyle(joint_noise=0, sensor_noise=0, sensor_bias=0)
REPEATED = SyntheticStyle(joint_noise=0, sensor_noise=0, sensor_bias=0, wobble=0)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    return list(clips_of(SyntheticLoader()))


def clips_of(loader: SyntheticLoader) -> Iterator[Clip]:
    return map(loader.read, loader.discover().sources)


def content(clip: Clip) -> tuple:
    return (clip.clip_id, clip.accelerometer.tobytes(), clip.skeleton.tobytes(), clip.flags)


def test_counts_and_shapes(clips: list[Clip]):
    """8 actions x 6 subjects x 4 trials of 1.5 to 3 s at 50 Hz and about 30 Hz."""
    assert len(clips) == len({clip.clip_id for clip in clips}) == 192
    assert [clip.clip_id for clip in clips[:5]] == [
        "a1_s1_t1", "a1_s1_t2", "a1_s1_t3", "a1_s1_t4", "a1_s2_t1",
    ]  # fmt: skip
    for clip in clips:
        samples, frames = len(clip.accelerometer), len(clip.skeleton)
        assert 75 <= samples <= 150
        assert abs((frames - 1) / 30 - (samples - 1) / 50) <= 0.5 / 30 + 1e-9
        assert clip.skeleton.shape[1:] == (len(JOINT_NAMES), 3)
        assert clip.accelerometer.dtype == clip.skeleton.dtype == np.float32
        check_clip(clip)
    assert len({len(clip.accelerometer) for clip in clips}) > 30


def test_a_gyroscope_changes_no_other_stream():
    sensors = ("accelerometer", "gyroscope")
    loader = SyntheticLoader(num_subjects=1, num_trials=1, sensors=sensors)
    found = loader.discover()
    assert found.description.streams["gyroscope"]["unit"] == "deg/s"
    plain = clips_of(SyntheticLoader(num_subjects=1, num_trials=1))
    for source, three in zip(found.sources, plain, strict=True):
        clip = loader.read(source)
        check_clip(clip)
        assert content(clip) == content(three) and three.gyroscope is None
        assert 20 < np.abs(clip.gyroscope).max() < 2000


def test_same_seed_same_bytes(clips: list[Clip]):
    assert [content(clip) for clip in clips_of(SyntheticLoader())] == [content(c) for c in clips]


def test_other_seed_other_bytes(clips: list[Clip]):
    other = next(clips_of(SyntheticLoader(seed=1)))
    assert other.accelerometer.tobytes() != clips[0].accelerometer.tobytes()


def test_more_subjects_and_trials_only_add(clips: list[Clip]):
    loader = SyntheticLoader(num_subjects=2, num_trials=1)
    few = {clip.clip_id: content(clip) for clip in clips_of(loader)}
    assert len(few) == 16
    assert all(content(clip) == few[clip.clip_id] for clip in clips if clip.clip_id in few)


def test_sensor_follows_the_wrist_of_the_skeleton():
    """Without noise, |wrist acceleration + g| from the 30 Hz joints agrees with the sensor."""
    errors = []
    for clip in clips_of(SyntheticLoader(seed=3, num_subjects=2, num_trials=1, style=EXACT)):
        wrist = clip.skeleton[:, RIGHT_WRIST].astype(np.float64)
        frames, samples = len(wrist), len(clip.accelerometer)
        rate = (frames - 1) / ((samples - 1) / 50)
        force = (wrist[2:] - 2 * wrist[1:-1] + wrist[:-2]) * rate**2 + [0, STANDARD_GRAVITY, 0]
        expected = np.linalg.norm(force, axis=1) / STANDARD_GRAVITY
        times = np.linspace(0, samples - 1, frames)[1:-1]
        magnitude = np.linalg.norm(clip.accelerometer, axis=1)
        measured = np.interp(times, np.arange(samples), magnitude)
        errors.append(np.abs(measured - expected).mean() / (np.ptp(expected) + 0.1))
    assert max(errors) < 0.05


def test_from_rest_a_clip_starts_and_ends_with_hanging_arms():
    """Then the first and the last sample are postures: of 1 g, and both the same."""
    loader = SyntheticLoader(num_subjects=2, num_trials=1, style=REPEATED, from_rest_seconds=0.5)
    short = SyntheticLoader(num_subjects=2, num_trials=1, style=REPEATED)
    for clip, alike in zip(clips_of(loader), clips_of(short), strict=True):
        samples = clip.accelerometer
        assert len(samples) == len(alike.accelerometer) + 50
        # The first second difference reaches into the way, by a few thousandths of 1 g.
        for sample in (samples[0], samples[-1]):
            assert np.linalg.norm(sample) == pytest.approx(1.0, abs=0.02)
        np.testing.assert_allclose(samples[0], samples[-1], atol=0.02)
        # In between it moves as the short one does.
        assert np.ptp(samples[25:-25], axis=0).max() > 0.1
        wrist = clip.skeleton[:, RIGHT_WRIST]
        np.testing.assert_allclose(wrist[0], wrist[-1], atol=1e-4)
        assert wrist[0, 1] < clip.skeleton[0, JOINT_NAMES.index("hip_center"), 1] + 0.1


def test_the_way_from_rest_in_closed_form():
    angles = {name: np.full(5, 2.0) for name in ANGLE_NAMES}
    times = np.array([-0.1, 0.0, 0.25, 1.0, 1.9])
    eased = between_rests(angles, times, duration=2.0, seconds=0.5)
    # Halfway half of it; a fifth of the way 0.2^3 (10 - 3 + 0.24).
    np.testing.assert_allclose(eased["right_elbow"], [0, 0, 1.0, 2.0, 2 * 0.05792])
    np.testing.assert_allclose(eased["left_elbow"][:4], [0.25, 0.25, 1.125, 2.0])


def test_saturation_is_cut_and_flagged():
    loud = SyntheticStyle(sensor_noise=4.0)
    for clip in islice(clips_of(SyntheticLoader(style=loud)), 3):
        assert np.abs(clip.accelerometer).max() == 8.0
        assert clip.flags == ("accelerometer_saturated",)


def test_is_called_synthetic_everywhere():
    description = SyntheticLoader(seed=5).discover().description
    assert (description.name, description.is_synthetic) == ("synthetic", True)
    assert description.title == "Synthetic arm movements (not real recordings)"
    assert description.made_by["seed"] == 5
    assert description.num_clips == 192


@pytest.mark.parametrize(
    "arguments",
    [{"seed": -1}, {"num_subjects": 0}, {"num_trials": 0}, {"from_rest_seconds": -0.1}],
)
def test_bad_arguments(arguments: dict[str, int]):
    (name,) = arguments
    with pytest.raises(UserError, match=f"^{name} must be at least"):
        SyntheticLoader(**arguments)


def test_skeleton_knows_more_than_the_wrist(clips: list[Clip]):
    """A random forest on held-out subjects: at least 15 points between skeleton and wrist."""

    def features(stream: str) -> np.ndarray:
        rows = []
        for clip in clips:
            values = clip.stream(stream)
            if stream == "skeleton":
                values = (values - values[:, :1]).reshape(len(values), -1)
            else:
                magnitude = np.linalg.norm(values, axis=1, keepdims=True)
                values = np.concatenate([values, magnitude], axis=1)
            times = np.linspace(0, len(values) - 1, 24)
            rows.append([np.interp(times, np.arange(len(values)), axis) for axis in values.T])
        return np.array(rows).reshape(len(rows), -1)

    action = np.array([clip.action for clip in clips])
    is_test = np.array([int(clip.subject) % 2 == 0 for clip in clips])
    accuracy = {}
    for stream in ("accelerometer", "skeleton"):
        x = features(stream)
        forest = RandomForestClassifier(100, random_state=0).fit(x[~is_test], action[~is_test])
        accuracy[stream] = forest.score(x[is_test], action[is_test])
    assert accuracy["skeleton"] > 0.85
    assert 0.4 < accuracy["accelerometer"] < 0.85
    assert accuracy["skeleton"] - accuracy["accelerometer"] > 0.15


BODY = Body()


def pose(**angles: float) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Returns joint name -> position and the forearm's orientation of one posture."""
    values = {name: np.array([angles.get(name, 0.0)]) for name in ANGLE_NAMES}
    joints, forearm = body_pose(BODY, values)
    return dict(zip(JOINT_NAMES, joints[0], strict=True)), forearm[0]


def test_standing_still_arms_hang():
    joints, forearm = pose()
    shoulder_height = BODY.hip_height + BODY.trunk
    np.testing.assert_allclose(joints["hip_center"], [0, BODY.hip_height, 0])
    np.testing.assert_allclose(joints["head"], [0, shoulder_height + BODY.neck, 0])
    arm = BODY.upper_arm + BODY.forearm
    for side, x in (("left", -0.18), ("right", 0.18)):
        np.testing.assert_allclose(joints[f"{side}_wrist"], [x, shoulder_height - arm, 0])
    np.testing.assert_allclose(forearm, np.eye(3))


@pytest.mark.parametrize(
    ("angle", "direction"),
    [("flexion", [0, 0, -1]), ("abduction", [1, 0, 0])],
)
def test_a_quarter_turn_of_the_shoulder(angle: str, direction: list[int]):
    """Flexion raises the right arm forward (-z), abduction to the right (+x)."""
    joints, _ = pose(**{f"right_{angle}": np.pi / 2})
    reach = (BODY.upper_arm + BODY.forearm) * np.array(direction)
    offset = joints["right_wrist"] - joints["right_shoulder"]
    np.testing.assert_allclose(offset, reach, atol=1e-12)


def test_elbow_and_lean_move_forward():
    joints, _ = pose(right_elbow=np.pi / 2)
    offset = joints["right_wrist"] - joints["right_elbow"]
    np.testing.assert_allclose(offset, [0, 0, -BODY.forearm], atol=1e-12)
    joints, _ = pose(trunk_lean=np.pi / 2)
    offset = joints["shoulder_center"] - joints["hip_center"]
    np.testing.assert_allclose(offset, [0, 0, -BODY.trunk], atol=1e-12)


@given(st.lists(st.floats(-3, 3), min_size=len(ANGLE_NAMES), max_size=len(ANGLE_NAMES)))
def test_no_posture_stretches_a_limb(values: list[float]):
    """Every segment keeps its length, the forearm's frame stays a rotation."""
    joints, forearm = pose(**dict(zip(ANGLE_NAMES, values, strict=True)))
    position = np.stack(list(joints.values()))
    lengths = np.linalg.norm(position[1:] - position[JOINT_PARENTS[1:]], axis=1)
    half_width = BODY.shoulder_width / 2
    arm = [half_width, BODY.upper_arm, BODY.forearm, BODY.hand]
    trunk = [BODY.trunk / 2, BODY.trunk / 2, BODY.neck]
    np.testing.assert_allclose(lengths, [*trunk, *arm, *arm], atol=1e-9)
    np.testing.assert_allclose(forearm.T @ forearm, np.eye(3), atol=1e-9)
    assert np.linalg.det(forearm) == pytest.approx(1.0)


@given(st.lists(st.floats(-3, 3), min_size=5, max_size=5))
def test_left_arm_mirrors_the_right(values: list[float]):
    names = ("flexion", "abduction", "rotation", "elbow", "pronation")
    angles = {
        f"{side}_{name}": value
        for side in ("left", "right")
        for name, value in zip(names, values, strict=True)
    }
    joints, _ = pose(**angles)
    np.testing.assert_allclose(joints["left_hand"], joints["right_hand"] * [-1, 1, 1], atol=1e-9)


@pytest.mark.parametrize(
    ("axis", "start", "end"),
    [("x", [0, 1, 0], [0, 0, 1]), ("y", [0, 0, 1], [1, 0, 0]), ("z", [1, 0, 0], [0, 1, 0])],
)
def test_turn_is_right_handed(axis: str, start: list[int], end: list[int]):
    np.testing.assert_allclose(turn(axis, np.array([np.pi / 2]))[0] @ start, end, atol=1e-12)


RATE = 200.0
TIMES = np.arange(50) / RATE
LEVEL = np.tile(np.eye(3), (50, 1, 1))


def test_still_sensor_measures_one_g_upwards():
    measured = ideal_accelerometer(np.ones((50, 3)), LEVEL, RATE)
    assert measured.shape == (48, 3)
    np.testing.assert_allclose(measured, np.tile([0.0, 1.0, 0.0], (48, 1)), atol=1e-12)


@pytest.mark.parametrize("angle", [0.3, -1.0, np.pi / 2])
def test_tilted_still_sensor_sees_gravity_turn_the_other_way(angle: float):
    """Turned by a about x, upwards is (0, cos a, -sin a) for the sensor."""
    measured = ideal_accelerometer(np.zeros((50, 3)), turn("x", np.full(50, angle)), RATE)
    expected = [0.0, np.cos(angle), -np.sin(angle)]
    np.testing.assert_allclose(measured, np.tile(expected, (48, 1)), atol=1e-12)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_a_gyroscope_measures_a_turn_about_its_axis(axis: str):
    """90 degrees a second; what is up turns the other way, as the accelerometer measures it."""
    orientation = turn(axis, np.radians(90 * np.arange(50) / 200))
    rates = ideal_gyroscope(orientation, 200.0)
    assert rates.shape == (48, 3)
    expected = np.zeros(3)
    expected["xyz".index(axis)] = 90
    np.testing.assert_allclose(rates, np.tile(expected, (48, 1)), atol=1e-6)
    up = ideal_accelerometer(np.zeros((50, 3)), orientation, 200.0)
    change = np.gradient(up, axis=0) * 200
    np.testing.assert_allclose(change[1:-1], np.cross(up, np.radians(rates))[1:-1], atol=1e-3)


def test_free_fall_measures_nothing():
    position = np.zeros((50, 3))
    position[:, 1] = -0.5 * STANDARD_GRAVITY * TIMES**2
    np.testing.assert_allclose(ideal_accelerometer(position, LEVEL, RATE), 0, atol=1e-9)


def test_constant_velocity_adds_nothing():
    position = TIMES[:, None] * [3.0, -2.0, 1.0]
    measured = ideal_accelerometer(position, LEVEL, RATE)
    np.testing.assert_allclose(measured, np.tile([0, 1, 0], (48, 1)), atol=1e-9)


def test_circle_points_to_its_centre():
    """Radius r at w rad/s: w^2 r towards the centre; second differences know it to 1e-4."""
    radius, speed = 0.5, 6.0
    angle = speed * TIMES
    position = radius * np.stack([np.cos(angle), np.zeros(50), np.sin(angle)], axis=1)
    measured = ideal_accelerometer(position, LEVEL, RATE)
    size = speed**2 * radius / STANDARD_GRAVITY
    np.testing.assert_allclose(measured[:, 0], -size * np.cos(angle[1:-1]), rtol=1e-4)
    np.testing.assert_allclose(measured[:, 2], -size * np.sin(angle[1:-1]), rtol=1e-4)
