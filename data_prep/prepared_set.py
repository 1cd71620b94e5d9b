"""The prepared set: one folder of arrays and tables that training reads.

manifest.csv has one row a clip; accelerometer.npy, gyroscope.npy and skeleton.npy hold all clips
one after the other; dataset.json describes the set and holds the hashes of the other files;
quarantine.csv lists the clips that were left out.
"""

import dataclasses
from functools import cached_property
from pathlib import Path
from typing import SupportsIndex

import numpy as np
import pandas as pd

from data_prep.csv_cells import cell_text
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.files import check_sha256, file_sha256, json_sha256

STREAMS = ("accelerometer", "gyroscope", "skeleton")
QUARANTINE_COLUMNS = ["clip_id", "file", "reason", "subject", "action_name"]


class PreparedSet:
    """A prepared data set in a folder; make one with `PreparedSet.load(folder)`.

    Examples:
        >>> prepared = PreparedSet.load("prepared/synthetic")  # doctest: +SKIP
        >>> prepared.accelerometer(0).shape  # doctest: +SKIP
        (120, 3)

    Args:
        folder: The folder.
        description: Its dataset.json.
        manifest: One row a clip, in the order written.
        arrays: Stream name -> memory-mapped array of all clips one after the other.
        quarantine: One row a clip left out as bad: clip_id, file, reason, subject, action_name.
    """

    def __init__(
        self,
        folder: Path,
        description: DatasetDescription,
        manifest: pd.DataFrame,
        arrays: dict[str, np.ndarray],
        quarantine: pd.DataFrame,
    ):
        self.folder = folder
        self.description = description
        self.manifest = manifest
        self.quarantine = quarantine
        self._arrays = arrays
        self._bounds = {name: _bounds(manifest, name) for name in STREAMS}

    @classmethod
    def load(cls, folder: str | Path) -> "PreparedSet":
        """Opens a prepared set.

        Args:
            folder: The folder that `prepare_dataset` wrote.

        Returns:
            The set.

        Raises:
            UserError: The folder is no prepared set, its schema version differs, or a file does
                not fit the description.
        """
        folder = Path(folder)
        if not (folder / "dataset.json").is_file():
            rule = "A prepared set needs a dataset.json; run data_prep.prepare"
            raise UserError(rule, "none", folder / "dataset.json")
        description = DatasetDescription.load(folder / "dataset.json")
        counts = [f"{name}_{what}" for name in STREAMS for what in ("start", "length")]
        manifest = _load_table(folder / "manifest.csv", description)
        try:
            _ = manifest[["clip_id", "subject", "sensor_place", "flags"]]
            manifest = manifest.astype(dict.fromkeys(["action", *counts], np.int64))
            ends = {name: int(_bounds(manifest, name)[:, 1].max()) for name in STREAMS}
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            rule = "A manifest.csv must be as it was prepared; prepare it again"
            raise UserError(rule, error, folder / "manifest.csv") from error
        quarantine = pd.DataFrame(columns=QUARANTINE_COLUMNS, dtype=str)
        if description.num_quarantined:
            listed = _load_table(folder / "quarantine.csv", description)
            # Lists of earlier versions do not name subject and action.
            quarantine = listed.reindex(columns=QUARANTINE_COLUMNS, fill_value="")
        arrays = {}
        for name in STREAMS:
            total = ends[name]
            if total:
                tail = (len(description.joint_names), 3) if name == "skeleton" else (3,)
                arrays[name] = _load_array(folder / f"{name}.npy", (total, *tail))
        return cls(folder, description, manifest, arrays, quarantine)

    def __len__(self) -> int:
        return len(self.manifest)

    def accelerometer(self, index: SupportsIndex) -> np.ndarray | None:
        """Returns float32 (samples, 3) in g of the clip in row `index`, or None if not recorded."""
        return self._clip_values("accelerometer", index)

    def measured(self, index: SupportsIndex, *, gyroscope: bool = False) -> np.ndarray:
        """Returns the accelerometer of a clip that must have one, as `accelerometer` does.

        Args:
            index: Row of the clip.
            gyroscope: Whether the clip must have a gyroscope, whose turn rates in degrees per
                second are then three more columns.

        Raises:
            UserError: The clip has a skeleton alone, or no gyroscope.
        """
        found = {"accelerometer": self.accelerometer(index)}
        if gyroscope:
            found["gyroscope"] = self.gyroscope(index)
        streams = [values for values in found.values() if values is not None]
        if len(streams) < len(found):
            missing = next(name for name, values in found.items() if values is None)
            clip_id = self.manifest["clip_id"].to_numpy()[index]
            article = "an" if missing == "accelerometer" else "a"
            rule = f"A clip needs {article} {missing} here"
            raise UserError(rule, f"{clip_id} without", self.folder)
        return streams[0] if len(streams) == 1 else np.concatenate(streams, axis=1)

    @property
    def has_accelerometer(self) -> np.ndarray:
        """(clips,) whether each clip was recorded with an accelerometer."""
        return self.manifest["accelerometer_length"].to_numpy() > 0

    def gyroscope(self, index: SupportsIndex) -> np.ndarray | None:
        """Returns float32 (samples, 3) in degrees per second, or None if not recorded."""
        return self._clip_values("gyroscope", index)

    def skeleton(self, index: SupportsIndex) -> np.ndarray | None:
        """Returns float32 (frames, joints, 3) in metres, or None if not recorded."""
        return self._clip_values("skeleton", index)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over dataset.json, which holds the hashes of the manifest and the arrays."""
        return json_sha256(dataclasses.asdict(self.description))

    def check_hashes(self) -> None:
        """Reads every array and compares its hash with the one that was kept.

        Raises:
            UserError: Names the file that is not as it was prepared.
        """
        for name, sha256 in self.description.array_sha256.items():
            rule = f"A {name} must be as it was prepared; prepare it again"
            check_sha256(self.folder / name, sha256, rule)

    def _clip_values(self, name: str, index: SupportsIndex) -> np.ndarray | None:
        start, end = self._bounds[name][index]
        return None if start == end else np.asarray(self._arrays[name][start:end])


def _bounds(manifest: pd.DataFrame, name: str) -> np.ndarray:
    """Returns int64 (clips, 2): start and end of each clip in the array of a stream."""
    start = manifest[f"{name}_start"].to_numpy(np.int64)
    return np.stack([start, start + manifest[f"{name}_length"].to_numpy(np.int64)], axis=1)


def _load_table(path: Path, description: DatasetDescription) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"A prepared set needs a {path.name}", "none", path)
    if file_sha256(path) != description.array_sha256.get(path.name):
        rule = f"A {path.name} must be as it was prepared; prepare it again"
        raise UserError(rule, "edits", path)
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except ValueError as error:  # no UTF-8, no column, rows of other lengths
        raise UserError(f"A {path.name} must be a table in UTF-8", error, path) from error
    return table.map(cell_text).rename(columns=cell_text)


def _load_array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header raises SyntaxError, too
        raise UserError(f"An array must be a .npy file of shape {shape}", error, path) from error
    if values.shape != shape or values.dtype != np.dtype("<f4"):
        received = f"{values.dtype} {values.shape}"
        raise UserError(f"An array must be float32 of shape {shape}", received, path)
    return np.asanyarray(values)
