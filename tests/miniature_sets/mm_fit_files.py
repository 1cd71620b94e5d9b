"""Files of a miniature MM-Fit in the authors' layout."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

FRAMES_A_SECOND = 30
START_MS = 1_562_790_000_000.0
Set = tuple[int, int, int, str]  # first frame, last frame, repetitions, exercise


def watch_array(frames: int, speed: float = 0.5) -> np.ndarray:
    """Gravity in m/s^2 as a hand sees it that turns about x, at 100 Hz: (rows, 5)."""
    seconds = np.arange(frames * 100 // FRAMES_A_SECOND) / 100
    angle = 1.1 * np.sin(2 * np.pi * speed * seconds)
    gravity = 9.80665 * np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
    numbers = np.floor(seconds * FRAMES_A_SECOND)
    return np.column_stack([numbers, START_MS + 1000 * seconds, gravity])


def standing_body() -> np.ndarray:
    """Joints in mm, z up, of a body that looks along -y: (17, 3), left leg and right arm first."""
    places = [(0, 0, 0), (100, 0, 0), (100, 0, -450), (100, 0, -900), (-100, 0, 0),
              (-100, 0, -450), (-100, 0, -900), (0, 0, 250), (0, 0, 500), (0, -80, 580),
              (0, 0, 680), (-180, 0, 480), (-200, 0, 180), (-200, 0, -100), (180, 0, 480),
              (200, 0, 180), (200, 0, -100)]  # fmt: skip
    return np.array(places, np.float64)


def pose_array(frames: int, speed: float = 0.5) -> np.ndarray:
    """A body that lifts its right wrist: (3, frames, 18)."""
    joints = np.repeat(standing_body()[None], frames, axis=0)
    seconds = np.arange(frames) / FRAMES_A_SECOND
    joints[:, 13, 2] += 300 * np.sin(2 * np.pi * speed * seconds)
    numbers = np.broadcast_to(np.arange(frames)[None, :, None], (3, frames, 1))
    return np.concatenate([numbers, joints.transpose(2, 0, 1)], axis=2)


def workout_folder(folder: Path, number: int) -> Path:
    return folder / f"w{number:02d}"


def write_workout(
    folder: Path,
    number: int,
    sets: Sequence[Set],
    frames: int,
    watch: str = "sw_r_acc",
    speed: float = 0.5,
    with_pose: bool = True,
) -> None:
    """Writes watch, labels and pose of a workout."""
    own = workout_folder(folder, number)
    own.mkdir(parents=True, exist_ok=True)
    np.save(own / f"{own.name}_{watch}.npy", watch_array(frames, speed))
    rows = [",".join(str(cell) for cell in row) + "\n" for row in sets]
    (own / f"{own.name}_labels.csv").write_text("".join(rows), encoding="utf-8")
    if with_pose:
        np.save(own / f"{own.name}_pose_3d.npy", pose_array(frames, speed))
