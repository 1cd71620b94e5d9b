"""A synthetic paired data set, generated from a seed.

Joint angles of an action (`action_angles`) move a body (`body_pose`); its joints are the skeleton,
and the acceleration of its right wrist is the accelerometer (`ideal_accelerometer`); with a
gyroscope its turn rates are one more stream. The actions
come in pairs that differ elsewhere than at the wrist, so that the skeleton separates them better.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from data_prep.clip import SENSORS, STANDARD_GRAVITY, Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.files import made_by
from data_prep.loader import ClipSource, Discovery
from data_prep.records import later_field

JOINT_NAMES = [
    "hip_center",
    "spine",
    "shoulder_center",
    "head",
    "left_shoulder",
    "left_elbow",
    "left_wrist",
    "left_hand",
    "right_shoulder",
    "right_elbow",
    "right_wrist",
    "right_hand",
]
JOINT_PARENTS = [-1, 0, 1, 2, 2, 4, 5, 6, 2, 8, 9, 10]
RIGHT_WRIST = JOINT_NAMES.index("right_wrist")

ARM_ANGLES = ("flexion", "abduction", "rotation", "elbow", "pronation")
TRUNK_ANGLES = ("lean", "sway", "twist")
ANGLE_NAMES = (
    *(f"trunk_{angle}" for angle in TRUNK_ANGLES),
    *(f"{side}_{angle}" for side in ("left", "right") for angle in ARM_ANGLES),
)


@dataclass(frozen=True)
class Body:
    """Lengths of a body's segments in metres."""

    hip_height: float = 0.95
    trunk: float = 0.5
    neck: float = 0.2
    shoulder_width: float = 0.36
    upper_arm: float = 0.3
    forearm: float = 0.26
    hand: float = 0.08


def body_pose(body: Body, angles: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Computes where the joints are.

    An arm with all angles 0 hangs down. Flexion raises it forward, abduction sideways, rotation
    and pronation turn the upper arm and the forearm about their length, elbow bends it.

    Args:
        body: Segment lengths.
        angles: Each of `ANGLE_NAMES` -> (times,) in radians.

    Returns:
        Joint positions (times, joints, 3) in metres, and the right forearm's orientation
        (times, 3, 3), whose columns are the forearm's axes in the world.
    """
    times = len(angles["trunk_lean"])
    trunk = (
        turn("y", angles["trunk_twist"])
        @ turn("x", -angles["trunk_lean"])
        @ turn("z", angles["trunk_sway"])
    )
    hip = np.broadcast_to([0.0, body.hip_height, 0.0], (times, 3))
    up = trunk[:, :, 1]
    right = trunk[:, :, 0]
    shoulder_center = hip + body.trunk * up
    joints = [hip, hip + 0.5 * body.trunk * up, shoulder_center, shoulder_center + body.neck * up]
    forearm = trunk
    for side, sign in (("left", -1.0), ("right", 1.0)):
        upper_arm = (
            trunk
            @ turn("z", sign * angles[f"{side}_abduction"])
            @ turn("x", angles[f"{side}_flexion"])
            @ turn("y", sign * angles[f"{side}_rotation"])
        )
        forearm = (
            upper_arm
            @ turn("x", angles[f"{side}_elbow"])
            @ turn("y", sign * angles[f"{side}_pronation"])
        )
        shoulder = shoulder_center + sign * 0.5 * body.shoulder_width * right
        elbow = shoulder - body.upper_arm * upper_arm[:, :, 1]
        wrist = elbow - body.forearm * forearm[:, :, 1]
        joints += [shoulder, elbow, wrist, wrist - body.hand * forearm[:, :, 1]]
    return np.stack(joints, axis=1), forearm


def turn(axis: str, angle: np.ndarray) -> np.ndarray:
    """Returns right-handed rotation matrices (times, 3, 3) about "x", "y" or "z".

    Args:
        axis: The axis to turn about.
        angle: (times,) in radians.
    """
    angle = np.asarray(angle, dtype=np.float64)
    first, second = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    matrix = np.zeros((len(angle), 3, 3))
    matrix[:, range(3), range(3)] = 1.0
    matrix[:, first, first] = matrix[:, second, second] = np.cos(angle)
    matrix[:, second, first] = np.sin(angle)
    matrix[:, first, second] = -np.sin(angle)
    return matrix


ACTION_NAMES = [
    "wave_one_arm",
    "wave_both_arms",
    "punch",
    "punch_with_lean",
    "raise_one_arm",
    "raise_both_arms",
    "circle_one_arm",
    "circle_with_twist",
]


_Angles = dict[str, np.ndarray]


def action_angles(
    action: int, phase: np.ndarray, progress: np.ndarray, amplitude: float
) -> Mapping[str, np.ndarray]:
    """Returns the joint angles of one action.

    Args:
        action: Index into `ACTION_NAMES`.
        phase: (times,) in radians, one turn a repetition of the movement.
        progress: (times,) from 0 at the clip's start to 1 at its end.
        amplitude: Size of the movement, 1 for the average person.

    Returns:
        Each of `ANGLE_NAMES` -> (times,) in radians.
    """
    angles = _hanging(phase)
    family, is_second = divmod(action, 2)
    (_wave, _punch, _raise, _circle)[family](angles, phase, progress, amplitude, is_second == 1)
    return angles


def _hanging(phase: np.ndarray) -> _Angles:
    angles = {name: np.zeros_like(phase) for name in ANGLE_NAMES}
    angles["left_abduction"] += 0.12
    angles["left_elbow"] += 0.25
    return angles


def between_rests(
    angles: Mapping[str, np.ndarray], times: np.ndarray, duration: float, seconds: float
) -> Mapping[str, np.ndarray]:
    """Returns joint angles that come from the hanging arms and go back to them.

    Args:
        angles: Of the movement, each of `ANGLE_NAMES` -> (times,) in radians.
        times: (times,) in seconds.
        duration: End of the movement in seconds.
        seconds: Length of the way there, and of the way back.

    Returns:
        The angles; on each way the share of the movement is a polynomial of degree 5, which starts
        and ends without speed and acceleration.
    """
    way = np.clip(np.minimum(times, duration - times) / seconds, 0.0, 1.0)
    share = way**3 * (10.0 - 15.0 * way + 6.0 * way**2)
    hanging = _hanging(times)
    return {name: hanging[name] + share * (angles[name] - hanging[name]) for name in ANGLE_NAMES}


def _wave(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, both_arms: bool
) -> None:
    swing = amplitude * np.sin(phase)
    for side in ("right", "left") if both_arms else ("right",):
        angles[f"{side}_flexion"] += 0.9
        angles[f"{side}_abduction"] += 0.9 + 0.15 * swing
        angles[f"{side}_elbow"] = 1.3 + 0.35 * swing
        angles[f"{side}_rotation"] += 0.3 + 0.4 * swing
    # Two arms balance each other; a single one takes the trunk along.
    angles["trunk_sway"] += (0.0 if both_arms else 0.09) * swing


def _punch(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, lean: bool
) -> None:
    thrust = amplitude * np.sin(0.5 * phase) ** 4
    angles["right_flexion"] += 0.7 + 0.6 * thrust
    angles["right_elbow"] += 1.9 - 1.5 * thrust
    angles["right_abduction"] += 0.2
    angles["left_flexion"] += 0.7
    angles["left_elbow"] += 1.5
    if lean:
        trunk = 0.2 + 0.3 * thrust
        angles["trunk_lean"] += trunk
        # The arm stays level: the shoulder gives back most of what the trunk leans.
        angles["right_flexion"] += 0.7 * trunk
        angles["left_flexion"] += 0.7 * trunk


def _raise(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, both_arms: bool
) -> None:
    lift = amplitude * np.sin(np.pi * progress) ** 2
    for side in ("right", "left") if both_arms else ("right",):
        angles[f"{side}_flexion"] += 1.9 * lift
        angles[f"{side}_elbow"] = 0.3 + 0.2 * lift
        angles[f"{side}_abduction"] += 0.2
    angles["trunk_lean"] += (-0.14 if both_arms else 0.0) * lift
    angles["trunk_sway"] += (0.0 if both_arms else -0.1) * lift


def _circle(
    angles: _Angles, phase: np.ndarray, progress: np.ndarray, amplitude: float, twist: bool
) -> None:
    angles["right_flexion"] += 1.3 + 0.4 * amplitude * np.sin(phase)
    angles["right_abduction"] += 0.2 + 0.4 * amplitude * np.cos(phase)
    angles["right_elbow"] += 0.5 + 0.15 * amplitude * np.sin(phase)
    if twist:
        angles["trunk_twist"] += 0.35 * np.sin(0.5 * phase)
        angles["right_abduction"] -= 0.15 * np.sin(0.5 * phase)
        angles["left_abduction"] += 0.5
        angles["left_elbow"] += 1.2


def ideal_accelerometer(
    position: np.ndarray, orientation: np.ndarray, rate_hz: float
) -> np.ndarray:
    """Computes the specific force a sensor measures: acceleration minus gravity, in its frame.

    f = R^T (x'' - g) / 9.80665 with g = (0, -9.80665, 0), x'' by central second differences. A
    still sensor so measures 1 g upwards.

    Args:
        position: (times, 3) in metres, y up.
        orientation: (times, 3, 3); the columns are the sensor's axes in the world.
        rate_hz: Samples per second of both.

    Returns:
        (times - 2, 3) in g: the first and last time have no second difference.
    """
    second = (position[2:] - 2.0 * position[1:-1] + position[:-2]) * rate_hz**2
    second = second + np.array([0.0, STANDARD_GRAVITY, 0.0])
    return np.asarray(np.einsum("tji,tj->ti", orientation[1:-1], second) / STANDARD_GRAVITY)


def ideal_gyroscope(orientation: np.ndarray, rate_hz: float) -> np.ndarray:
    """Computes the turn rates that a gyroscope measures along the sensor's axes.

    Args:
        orientation: (times, 3, 3); the columns are the sensor's axes in the world.
        rate_hz: Samples per second.

    Returns:
        (times - 2, 3) in degrees per second, at the times of `ideal_accelerometer`.
    """
    from data_prep.limb_motion import turn_rates  # needs scipy.ndimage, the other streams do not

    return turn_rates(orientation.transpose(0, 2, 1), rate_hz)[1:-1]


_FINE_RATE_HZ = 200.0  # second differences at this rate are exact enough (below 0.01 g)
_SENSOR_RATE_HZ = 50.0
_CAMERA_RATE_HZ = 30.0
_SATURATION_G = 8.0


@dataclass(frozen=True)
class SyntheticStyle:
    """Spread of people and recordings around the ideal movement.

    Args:
        person_angle: Standard deviation of a person's own offset of each joint angle, radians.
        clip_angle: The same from clip to clip.
        wobble: Amplitude of slow unplanned movement of each joint angle, radians.
        joint_noise: Standard deviation of the camera's noise on each coordinate, metres.
        sensor_noise: Standard deviation of the accelerometer's noise, g.
        sensor_bias: Standard deviation of the accelerometer's bias from clip to clip, g.
        mounting_degrees: Largest turn of a person's sensor on the wrist, about each axis.
    """

    person_angle: float = 0.06
    clip_angle: float = 0.05
    wobble: float = 0.04
    joint_noise: float = 0.008
    sensor_noise: float = 0.03
    sensor_bias: float = 0.02
    mounting_degrees: float = 8.0


@dataclass(frozen=True)
class SyntheticLoader:
    """The synthetic data set; equal loaders give equal bytes.

    A clip depends on the seed, the style and its own action, subject and trial alone, so that more
    subjects or trials only add clips.

    Args:
        seed: Seed of all randomness, at least 0.
        num_subjects: Number of people, at least 1.
        num_trials: Number of clips of each person and action, at least 1.
        style: Spread of people and recordings.
        from_rest_seconds: Seconds in which each movement comes from the hanging arms, and again in
            which it goes back to them, at least 0; with 0 a clip starts and ends in the middle of
            it, so that a segment detector does not find its ends.
        sensors: Of `SENSORS`; a gyroscope changes no other stream.

    Raises:
        UserError: An argument is out of range.
    """

    seed: int = 0
    num_subjects: int = 6
    num_trials: int = 4
    style: SyntheticStyle = field(default_factory=SyntheticStyle)
    from_rest_seconds: float = later_field(0.0)
    sensors: tuple[str, ...] = later_field(SENSORS[:1])

    def __post_init__(self) -> None:
        leasts = (("seed", 0), ("num_subjects", 1), ("num_trials", 1), ("from_rest_seconds", 0))
        for name, least in leasts:
            if getattr(self, name) < least:
                raise UserError(f"{name} must be at least {least}", getattr(self, name))

    def discover(self) -> Discovery:
        """Describes the set; its clips stand in the order (action, subject, trial)."""
        subjects = [str(subject) for subject in range(1, self.num_subjects + 1)]
        trials = [str(trial) for trial in range(1, self.num_trials + 1)]
        sources = [
            ClipSource(f"a{action + 1}_s{subject}_t{trial}", subject, action, trial)
            for action in range(len(ACTION_NAMES))
            for subject in subjects
            for trial in trials
        ]
        return Discovery(self._description(subjects, len(sources)), sources)

    def read(self, source: ClipSource) -> Clip:
        """Generates one clip of 1.5 to 3 s, and the ways from and to rest."""
        person = _Person.draw(self.seed, int(source.subject), self.style)
        key = [self.seed, 1, source.action, int(source.subject), int(source.trial)]
        random = np.random.default_rng(key)
        clip, orientation = _clip(random, person, self.style, source, self.from_rest_seconds)
        return (
            replace(clip, gyroscope=_measured_rates(random, orientation)) if self._turns else clip
        )

    @property
    def _turns(self) -> bool:
        return "gyroscope" in self.sensors

    def _description(self, subjects: list[str], num_clips: int) -> DatasetDescription:
        axes = ["x", "y", "z"]
        gyroscope = {"unit": "deg/s", "nominal_rate_hz": _SENSOR_RATE_HZ, "channels": axes}
        return DatasetDescription(
            name="synthetic",
            title="Synthetic arm movements (not real recordings)",
            is_synthetic=True,
            citation="Generated by data_prep; not real recordings.",
            num_clips=num_clips,
            subjects=subjects,
            class_names=list(ACTION_NAMES),
            streams={
                "accelerometer": {
                    "unit": "g",
                    "nominal_rate_hz": _SENSOR_RATE_HZ,
                    "channels": ["x", "y", "z"],
                },
                **({"gyroscope": gyroscope} if self._turns else {}),
                "skeleton": {
                    "unit": "m",
                    "nominal_rate_hz": _CAMERA_RATE_HZ,
                    "channels": ["x", "y", "z"],
                },
            },
            joint_names=list(JOINT_NAMES),
            joint_parents=list(JOINT_PARENTS),
            root_joint=0,
            up_axis=1,
            protocols={
                "cross_subject": {
                    "train_subjects": subjects[0::2],
                    "test_subjects": subjects[1::2],
                    "metric": "accuracy",
                }
            },
            made_by=made_by(self.seed),
            source_notes=["synthetic: generated, not recorded"],
        )


@dataclass(frozen=True, eq=False)
class _Person:
    body: Body
    tempo: float
    amplitude: float
    offsets: dict[str, float]
    mounting: np.ndarray

    @classmethod
    def draw(cls, seed: int, subject: int, style: SyntheticStyle) -> "_Person":
        random = np.random.default_rng([seed, 0, subject])
        size = random.uniform(0.9, 1.1)
        lengths = {
            name: length * size * random.uniform(0.95, 1.05)
            for name, length in vars(Body()).items()
        }
        turns = np.radians(random.uniform(-1, 1, 3) * style.mounting_degrees)
        return cls(
            body=Body(**lengths),
            tempo=random.uniform(0.8, 1.25),
            amplitude=random.uniform(0.8, 1.2),
            offsets={name: random.normal(0, style.person_angle) for name in ANGLE_NAMES},
            mounting=(turn("z", turns[2:]) @ turn("y", turns[1:2]) @ turn("x", turns[:1]))[0],
        )


def _clip(
    random: np.random.Generator,
    person: _Person,
    style: SyntheticStyle,
    source: ClipSource,
    from_rest: float,
) -> tuple[Clip, np.ndarray]:
    """Returns a clip without gyroscope, and the sensor's orientation in each fine step."""
    samples = int(random.integers(75, 151))  # 1.5 to 3 s at 50 Hz
    samples += round(2 * from_rest * _SENSOR_RATE_HZ)
    duration = (samples - 1) / _SENSOR_RATE_HZ
    repetitions = 1.3 * person.tempo * random.uniform(0.9, 1.1)  # a second
    amplitude = person.amplitude * random.uniform(0.92, 1.08)
    start = random.uniform(0, 2 * np.pi)
    offsets = {
        name: person.offsets[name] + random.normal(0, style.clip_angle) for name in ANGLE_NAMES
    }
    wobble_rates = random.uniform(0.3, 1.5, (len(ANGLE_NAMES), 2))
    wobble_starts = random.uniform(0, 2 * np.pi, (len(ANGLE_NAMES), 2))
    wobble_sizes = random.normal(0, style.wobble, (len(ANGLE_NAMES), 2))

    def angles(times: np.ndarray) -> dict[str, np.ndarray]:
        phase = start + 2 * np.pi * repetitions * times
        progress = (times - from_rest) / (duration - 2 * from_rest)
        if from_rest:
            progress = np.clip(progress, 0.0, 1.0)
        ideal = action_angles(source.action, phase, progress, amplitude)
        if from_rest:
            ideal = between_rests(ideal, times, duration, from_rest)
        waves = np.sin(2 * np.pi * wobble_rates[..., None] * times + wobble_starts[..., None])
        wobble = (wobble_sizes[..., None] * waves).sum(axis=1)
        return {
            name: ideal[name] + offsets[name] + wobble[index]
            for index, name in enumerate(ANGLE_NAMES)
        }

    # One fine step before and after the clip, for the second differences at its ends.
    fine_steps = int(_FINE_RATE_HZ / _SENSOR_RATE_HZ)
    fine_times = np.arange(-1, (samples - 1) * fine_steps + 2) / _FINE_RATE_HZ
    joints, forearm = body_pose(person.body, angles(fine_times))
    orientation = forearm @ person.mounting
    measured = ideal_accelerometer(joints[:, RIGHT_WRIST], orientation, _FINE_RATE_HZ)
    measured = measured[::fine_steps]
    measured = measured + random.normal(0, style.sensor_bias, 3)
    measured = measured + random.normal(0, style.sensor_noise, measured.shape)
    is_saturated = bool(np.abs(measured).max() >= _SATURATION_G)

    frames = round(duration * _CAMERA_RATE_HZ) + 1
    skeleton, _ = body_pose(person.body, angles(np.linspace(0, duration, frames)))
    skeleton = skeleton + random.normal(0, style.joint_noise, skeleton.shape)
    clip = source.clip(
        sensor_place="right_wrist",
        accelerometer=np.clip(measured, -_SATURATION_G, _SATURATION_G).astype(np.float32),
        skeleton=skeleton.astype(np.float32),
        flags=("accelerometer_saturated",) if is_saturated else (),
    )
    return clip, orientation


# Of a gyroscope, in degrees per second: bias from clip to clip, noise, range.
_RATE_BIAS, _RATE_NOISE, _RATE_RANGE = 1.0, 0.5, 2000.0


def _measured_rates(random: np.random.Generator, orientation: np.ndarray) -> np.ndarray:
    """Returns float32 (samples, 3) in degrees per second, of a sensor with bias and noise."""
    fine_steps = int(_FINE_RATE_HZ / _SENSOR_RATE_HZ)
    rates = ideal_gyroscope(orientation, _FINE_RATE_HZ)[::fine_steps]
    rates = rates + random.normal(0, _RATE_BIAS, 3) + random.normal(0, _RATE_NOISE, rates.shape)
    return np.asarray(np.clip(rates, -_RATE_RANGE, _RATE_RANGE), np.float32)
