"""Simulated bodies that swing an arm, and the sensor that they wear, computed independently."""

import numpy as np
from scipy.spatial.transform import Rotation

from data_prep.skeletons import SkeletonLayout

GRAVITY = 9.80665
UP = np.array([0.0, 1.0, 0.0])
KINECT = SkeletonLayout.load("kinect_v1_20")
_UPPER_ARM = np.array([0.05, -0.3, 0.0])
_FOREARM = np.array([0.0, -0.05, 0.25])


def standing(frames: int, layout: SkeletonLayout = KINECT) -> np.ndarray:
    """Returns a still body, y up: shoulders at 1.4 m, hips at 0.9 m, the right arm bent."""
    body = np.zeros((frames, len(layout.joint_names), 3))
    for side, sign in (("left", -1.0), ("right", 1.0)):
        for joint, place in (
            ("shoulder", [0.2 * sign, 1.4, 0.0]),
            ("hip", [0.1 * sign, 0.9, 0.0]),
            ("knee", [0.1 * sign, 0.5, 0.02]),
            ("ankle", [0.1 * sign, 0.1, 0.0]),
        ):
            body[:, layout.joint_names.index(f"{side}_{joint}")] = place
    _place_arm(body, layout, Rotation.identity())
    return body


def _place_arm(body: np.ndarray, layout: SkeletonLayout, turns: Rotation) -> None:
    shoulder = body[:, layout.joint_names.index("right_shoulder")]
    body[:, layout.joint_names.index("right_elbow")] = shoulder + turns.apply(_UPPER_ARM)
    body[:, layout.joint_names.index("right_wrist")] = shoulder + turns.apply(_UPPER_ARM + _FOREARM)


def swinging(
    frames: int, rate_hz: float, seed: int, layout: SkeletonLayout = KINECT
) -> tuple[np.ndarray, Rotation]:
    """Returns a body that swings its right arm, the elbow stiff, and the arm's turns."""
    random = np.random.default_rng(seed)
    times = np.arange(frames) / rate_hz
    angles = np.zeros((frames, 3))
    for axis in range(3):
        frequency, phase = random.uniform(0.15, 0.4), random.uniform(0, 2 * np.pi)
        angles[:, axis] = random.uniform(0.4, 1.0) * np.sin(2 * np.pi * frequency * times + phase)
    turns = Rotation.from_euler("xyz", angles)
    body = standing(frames, layout)
    _place_arm(body, layout, turns)
    return body, turns


def worn_sensor(
    seed: int,
    mounting: Rotation,
    samples: int = 401,
    rate_hz: float = 50.0,
    layout: SkeletonLayout = KINECT,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns a clip with skeleton at 30 Hz, acceleration in g and turn rate in deg/s at the wrist.

    The sensor is simulated without the product's functions: at 40 times its rate, from the known
    turns of the arm.

    Args:
        seed: Of the movement.
        mounting: From the world's axes to the sensor's while the arm is at rest.
        samples: Of the sensor.
        rate_hz: Of the sensor.
        layout: Of the skeleton.
    """
    fine, turns = swinging((samples - 1) * 40 + 1, rate_hz * 40, seed, layout)
    wrist = fine[:, layout.joint_names.index("right_wrist")]
    force = np.gradient(np.gradient(wrist, axis=0), axis=0) * (rate_hz * 40) ** 2 / GRAVITY + UP
    acceleration = mounting.apply(turns.inv().apply(force))[::40]
    steps = (turns[:-1].inv() * turns[1:]).as_rotvec(degrees=True) * rate_hz * 40
    rates = mounting.apply(np.concatenate([steps, steps[-1:]]))[::40]
    skeleton, _ = swinging(round((samples - 1) / rate_hz * 30) + 1, 30.0, seed, layout)
    return skeleton, acceleration, rates
