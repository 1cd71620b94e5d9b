"""Files of a miniature SmartFallMM in the official layout."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

START = datetime(2022, 8, 4, 11, 24, 2, 384000)


def gravity_turning(seconds: np.ndarray) -> np.ndarray:
    """Gravity in m/s^2 as a hand sees it that turns about z at 1 Hz: (samples, 3)."""
    angle = 0.8 * np.sin(2 * np.pi * seconds)
    return 9.80665 * np.stack([np.sin(angle), np.cos(angle), 0 * angle], axis=1)


def watch_csv(stamps: np.ndarray, values: np.ndarray) -> str:
    moments = [START + timedelta(seconds=round(float(stamp), 3)) for stamp in stamps]
    return "".join(
        f"{moment.isoformat(' ', 'milliseconds')},{x:.7f},{y:.7f},{z:.7f}\n"
        for moment, (x, y, z) in zip(moments, values, strict=True)
    )


def meta_csv(stamps: np.ndarray, values: np.ndarray) -> str:
    lines = []
    for stamp, (x, y, z) in zip(stamps, values, strict=True):
        moment = START + timedelta(seconds=round(float(stamp), 3))
        epoch = 1659612242384 + round(1000 * float(stamp))
        clock = moment.isoformat("T", "milliseconds")
        lines.append(f"{epoch}.0,{clock},{24.92 + stamp:.2f},{x:.3f},{y:.3f},{z:.3f}\n")
    return "".join(lines)


def skeleton_csv(frames: int = 60) -> str:
    """A body 1.6 m tall at 2.3 m from the camera, in mm with y down, raising its left hand."""
    rows = []
    for frame in range(frames):
        body = [[10.0 * joint, 600.0 - 50.0 * joint, 2300.0 + joint] for joint in range(32)]
        body[8] = [-300.0, -10.0 * (frame % 100), 2250.0]
        rows.append(",".join(f"{value:.6f}" for joint in body for value in joint) + "\n")
    return "".join(rows)


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
