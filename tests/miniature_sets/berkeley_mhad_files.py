"""Files of a miniature Berkeley MHAD in the official layout."""

from pathlib import Path

import numpy as np

START = 1309539264.25  # epoch seconds of the first accelerometer sample
MOCAP_DELAY = 0.0525
SECONDS = 1.9
STAND = np.stack([np.linspace(-0.4, 0.4, 43), np.linspace(0.1, 1.7, 43), np.zeros(43)], axis=1)

BVH_HEAD = """HIERARCHY
ROOT Hips
{
\tOFFSET 0.00 0.00 0.00
\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
\tJOINT Spine
\t{
\t\tOFFSET 0.00 50.00 0.00
\t\tCHANNELS 3 Zrotation Xrotation Yrotation
\t\tEnd Site
\t\t{
\t\t\tOFFSET 0.00 20.00 0.00
\t\t}
\t}
}
MOTION
"""


def specific_force(seconds: np.ndarray) -> np.ndarray:
    """What the sensor measures at a time since START, in g."""
    phase = 2 * np.pi * seconds
    return np.stack([0.3 * np.sin(phase), 0.2 * np.cos(phase), 0.9 + 0 * phase], axis=-1)


def height(seconds: np.ndarray) -> np.ndarray:
    """How far the body has risen at a time since START, in metres."""
    return 0.1 * np.sin(2 * np.pi * 0.8 * seconds)


def sensor_table(seed: int) -> np.ndarray:
    """Columns x y z epoch, about 31 samples a second, as jittery as the official ones."""
    random = np.random.default_rng(seed)
    steps = random.choice([0.001, 0.026, 0.052], size=200, p=[0.15, 0.55, 0.3])
    times = np.concatenate([[0.0], np.cumsum(steps)])
    times = np.append(times[times < SECONDS - 0.02], SECONDS)
    return np.column_stack([specific_force(times), START + times])


def mocap_table() -> np.ndarray:
    """129 columns of mm, frame index, epoch; 480 Hz until a little after the sensors."""
    frames = np.arange(int((SECONDS + 0.02 - MOCAP_DELAY) * 480))
    times = MOCAP_DELAY + frames / 480.0
    markers = np.broadcast_to(STAND, (len(times), 43, 3)).copy()
    markers[:, :, 1] += height(times)[:, None]
    return np.column_stack([1000 * markers.reshape(len(times), 129), frames, START + times])


def write_sensor(path: Path, table: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, table, fmt="%.6f")


def write_mocap(path: Path, table: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savetxt(path, table, fmt=["%.6f"] * 129 + ["%d", "%.6f"])


def write_bvh(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    times = MOCAP_DELAY + np.arange(int((SECONDS + 0.02 - MOCAP_DELAY) * 480)) / 480.0
    rows = np.zeros((len(times), 9))
    rows[:, 1] = 100.0 + 100.0 * height(times)
    rows[:, 3] = 90.0  # about z: the spine points to -x
    head = f"{BVH_HEAD}Frames: {len(times)}\nFrame Time: 0.00208\n"
    lines = (" ".join(f"{value:.4f}" for value in row) for row in rows)
    path.write_text(head + "\n".join(lines) + "\n")


def sensor_path(root: Path, name: str, sensor: int = 2) -> Path:
    return root / "Accelerometer" / f"Shimmer{sensor:02d}" / f"acc_h{sensor:02d}_{name}.txt"


def mocap_path(root: Path, name: str) -> Path:
    return root / "Mocap" / "OpticalData" / f"moc_{name}.txt"


def bvh_path(root: Path, name: str) -> Path:
    return root / "Mocap" / "SkeletalData" / f"skl_{name}.bvh"
