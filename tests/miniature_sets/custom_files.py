"""Own recordings made on the spot, written without any code of the package."""

import csv
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

SAMPLES, RATE = 101, 50.0  # 2 s
FRAMES, FRAME_RATE = 61, 30.0
JOINTS = 4


def samples(seed: int, seconds: np.ndarray) -> np.ndarray:
    """A slow ramp about 1 g: a straight line in time, so that interpolation is exact."""
    return np.stack([0.1 * seed + 0.05 * seconds, 1.0 + 0.1 * seconds, -0.2 * seconds], axis=1)


def frames(seed: int, seconds: np.ndarray) -> np.ndarray:
    """A column of joints, 0.5 m apart, that moves along x with its time."""
    joints = np.zeros((len(seconds), JOINTS, 3))
    joints[:, :, 0] = seconds[:, None]
    joints[:, :, 1] = 0.5 * np.arange(1, JOINTS + 1)
    joints[:, :, 2] = seed
    return joints


@dataclass
class CustomFiles:
    """Recordings in a folder and the rows of their manifest."""

    folder: Path
    rows: list[dict[str, object]] = field(default_factory=list)

    def add(self, name: str, subject: str, action: str, seed: int, skeleton: bool = True) -> None:
        """Writes the files of one recording and appends its row."""
        seconds = np.arange(SAMPLES) / RATE
        table = np.column_stack([1000.0 * seconds, samples(seed, seconds)])
        self.write_table(f"sensor/{name}.csv", table, "t,ax,ay,az")
        row = {
            "subject": subject,
            "action": action,
            "accelerometer_path": f"sensor/{name}.csv",
            "accelerometer_unit": "g",
            "accelerometer_columns": "ax;ay;az",
            "accelerometer_rate_hz": 50,
        }
        if skeleton:
            joints = frames(seed, np.arange(FRAMES) / FRAME_RATE).reshape(FRAMES, -1)
            self.write_table(f"camera/{name}.csv", joints)
            row |= {"skeleton_path": f"camera/{name}.csv", "skeleton_rate_hz": 30}
        self.rows.append(row)

    def write_table(self, name: str, values: np.ndarray, header: str = "") -> None:
        """Writes a CSV file below the folder."""
        lines = [header] if header else []
        lines += [",".join(repr(float(value)) for value in row) for row in values]
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def write_rows(self, name: str, rows: list[dict[str, object]]) -> Path:
        """Writes a CSV file with a header of all keys that occur."""
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with open(self.folder / name, "w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return self.folder / name

    def write_manifest(self) -> Path:
        """Writes the rows."""
        return self.write_rows("manifest.csv", self.rows)

    def write_layout(self) -> Path:
        """Writes the skeleton's layout."""
        layout = {"joint_names": ["hip", "chest", "neck", "right_wrist"], "parents": [-1, 0, 1, 2]}
        path = self.folder / "layout.json"
        path.write_text(json.dumps(layout), encoding="utf-8")
        return path


def stamped(recordings: CustomFiles, seconds: np.ndarray, values: np.ndarray, **cells: str) -> None:
    """Makes the first recording one with stamps."""
    recordings.write_table("stamps.csv", np.column_stack([seconds, values]), "t,ax,ay,az")
    cells = {"accelerometer_stamp_unit": "s", "accelerometer_rate_hz": "", **cells}
    recordings.rows[0].update(
        accelerometer_path="stamps.csv", accelerometer_stamp_column="t", **cells
    )
