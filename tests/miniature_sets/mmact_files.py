"""Files of a miniature MMAct in the official layout."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

START = datetime(2018, 10, 16, 13, 37, 28, 500000)
POSE = "pose/cross_view/trainval"


def turning_gravity(seconds: np.ndarray) -> np.ndarray:
    """Gravity in m/s^2 as a hand sees it that turns about x at 0.5 Hz: (samples, 3)."""
    angle = 1.1 * np.sin(np.pi * seconds)
    return 9.80665 * np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)


def sensor_csv(seconds: np.ndarray, values: np.ndarray, header: str = "") -> str:
    """Stamps as str(datetime) makes them: without a fraction where it is zero."""
    rows = [header] if header else []
    for stamp, (x, y, z) in zip(seconds, values, strict=True):
        moment = str(START + timedelta(microseconds=round(1e6 * float(stamp))))
        rows.append(f"{moment.replace('-', '').replace(' ', '_')},{x:.8f},{y:.8f},{z:.8f}\n")
    return "".join(rows)


def person(frame: int, scale: float = 1.0) -> list[list[float]]:
    """COCO key points in pixels, y down: a body 340 pixels high that waves its right wrist."""
    places = [(0, 0), (5, -6), (-5, -6), (10, -3), (-10, -3), (35, 50), (-35, 50), (45, 110),
              (-45, 110), (50, 160), (-50, 160 - 3 * frame), (20, 147.92), (-20, 147.92), (22, 230),
              (-22, 230), (22, 320), (-22, 320)]  # fmt: skip
    return [[640 + scale * x, 200 + scale * y, 0.9] for x, y in places]


def pose_json(frames: int = 60, scale: float = 1.0) -> dict[str, Any]:
    return {str(n): {"person1": person(n, scale), "person2": []} for n in range(frames)}


def write(folder: Path, name: str, content: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
