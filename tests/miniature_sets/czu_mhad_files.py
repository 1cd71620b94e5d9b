"""Files of a miniature CZU-MHAD in both forms of its authors."""

from pathlib import Path

import numpy as np
import scipy.io

# The recordings begin at 10:48:57.5 on 27 July, so that a minute ends within them.
START_SECONDS = 10 * 3600 + 48 * 60 + 57.5
DATE = 727 * 10**12


def clock_numbers(seconds: np.ndarray) -> np.ndarray:
    """Times of day as HHMMSS and microseconds in one number."""
    microseconds = np.round(seconds * 1e6).astype(np.int64)
    whole, part = microseconds // 10**6, microseconds % 10**6
    clock = whole // 3600 * 10000 + whole // 60 % 60 * 100 + whole % 60
    return (clock * 10**6 + part).astype(np.float64)


def turning_gravity(seconds: np.ndarray, speed: float = 0.5) -> np.ndarray:
    """Gravity in g as a hand measures it that turns about x, and its turn rate: (samples, 6)."""
    angle = 1.1 * np.sin(2 * np.pi * speed * seconds)
    rate = np.degrees(1.1 * 2 * np.pi * speed * np.cos(2 * np.pi * speed * seconds))
    still = np.zeros_like(seconds)
    return np.stack([still, np.cos(angle), np.sin(angle), rate, still, still], axis=1)


def sensor_table(lasts: float = 6.0, speed: float = 0.5) -> np.ndarray:
    """One sensor at 343 Hz: (samples, 7)."""
    seconds = np.arange(round(lasts * 343)) / 343
    stamps = clock_numbers(START_SECONDS + seconds)
    return np.column_stack([turning_gravity(seconds, speed), stamps])


def skeleton_table(lasts: float = 5.0, delay: float = 0.7, speed: float = 0.5) -> np.ndarray:
    """A body in metres, y up, that moves its right wrist, at 30 frames a second: (frames, 100)."""
    seconds = delay + np.arange(round(lasts * 30)) / 30
    joints = np.zeros((len(seconds), 25, 3))
    joints[:, :, 0] = np.linspace(-0.4, 0.4, 25)
    joints[:, :, 1] = np.linspace(-0.9, 0.8, 25)
    joints[:, :, 2] = 2.5
    joints[:, 10, 1] += 0.3 * np.sin(2 * np.pi * speed * seconds)
    stamps = DATE + clock_numbers(START_SECONDS + seconds)
    cells = np.concatenate([joints, np.repeat(stamps[:, None, None], 25, axis=1)], axis=2)
    return cells.reshape(len(seconds), 100)


def write_table(path: Path, table: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, table, fmt="%.6f")


def text_paths(folder: Path, subject: str, action: int, trial: int, sensor: int = 5) -> list[Path]:
    """The sensor's file and the skeleton's."""
    place = f"{subject}/action_{action}/time_{trial}"
    return [folder / f"sensors/{place}/pi{sensor:02d}", folder / f"skeleton/{place}"]


def write_text_clip(
    folder: Path, subject: str, action: int, trial: int, sensor: int = 5, speed: float = 0.5
) -> None:
    sensor_path, skeleton_path = text_paths(folder, subject, action, trial, sensor)
    write_table(sensor_path, sensor_table(speed=speed))
    write_table(skeleton_path, skeleton_table(speed=speed))


def sensor_cells(tables: list[np.ndarray]) -> np.ndarray:
    cells = np.empty((len(tables), 1), dtype=object)
    cells[:, 0] = tables
    return cells


def mat_paths(folder: Path, name: str) -> list[Path]:
    return [folder / f"sensor_mat/{name}.mat", folder / f"skeleton_mat/{name}.mat"]


def write_mat(path: Path, **variables: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, variables)


def write_mat_clip(folder: Path, name: str) -> None:
    """The right wrist as in `write_text_clip`; the other sensors turn at other speeds."""
    speeds = [0.5 if sensor == 5 else 0.1 + sensor / 10 for sensor in range(10)]
    sensors, skeleton = mat_paths(folder, name)
    write_mat(sensors, sensor=sensor_cells([sensor_table(speed=speed) for speed in speeds]))
    write_mat(skeleton, skeleton=skeleton_table())
