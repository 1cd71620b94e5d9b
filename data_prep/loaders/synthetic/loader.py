"""A synthetic paired data set, generated from a seed.

Joint angles of an action (`action_angles`) move a body (`body_pose`); its joints are the skeleton,
and the acceleration of its right wrist is the accelerometer (`ideal_accelerometer`); with a
gyroscope its turn rates are one more stream. The actions come in pairs that differ elsewhere than
at the wrist, so that the skeleton separates them better.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from data_prep.clip import SENSORS, Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.files import made_by
from data_prep.loader import ClipSource, Discovery
from data_prep.loaders.synthetic.movements import (
    ACTION_NAMES,
    ANGLE_NAMES,
    JOINT_NAMES,
    JOINT_PARENTS,
    RIGHT_WRIST,
    Body,
    action_angles,
    between_rests,
    body_pose,
    ideal_accelerometer,
    ideal_gyroscope,
    turn,
)
from data_prep.records import later_field

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
