"""Reading a prepared set: clips by index, arrays memory-mapped."""

import dataclasses
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.dataset_description import DatasetDescription
from data_prep.fingerprint import file_sha256, json_sha256
from data_prep.user_error import UserError

_STREAMS = ("accelerometer", "gyroscope", "skeleton")


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
        quarantine: One row a clip left out as bad: clip_id, file, reason.
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
        self._bounds = {name: _bounds(manifest, name) for name in _STREAMS}

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
            raise UserError(
                "A prepared set needs a dataset.json; run data_prep.prepare", "none", folder
            )
        description = DatasetDescription.load(folder / "dataset.json")
        counts = [f"{name}_{what}" for name in _STREAMS for what in ("start", "length")]
        manifest = _load_table(folder / "manifest.csv", description)
        manifest = manifest.astype(dict.fromkeys(["action", *counts], np.int64))
        quarantine = pd.DataFrame(columns=["clip_id", "file", "reason"], dtype=str)
        if description.num_quarantined:
            quarantine = _load_table(folder / "quarantine.csv", description)
        arrays = {}
        for name in _STREAMS:
            total = int(_bounds(manifest, name)[:, 1].max())
            if total:
                tail = (len(description.joint_names), 3) if name == "skeleton" else (3,)
                arrays[name] = _load_array(folder / f"{name}.npy", (total, *tail))
        return cls(folder, description, manifest, arrays, quarantine)

    def __len__(self) -> int:
        return len(self.manifest)

    def accelerometer(self, index: int) -> np.ndarray:
        """Returns float32 (samples, 3) in g of the clip in row `index`."""
        values = self._clip_values("accelerometer", index)
        assert values is not None  # the writer takes no clip without it
        return values

    def gyroscope(self, index: int) -> np.ndarray | None:
        """Returns float32 (samples, 3) in degrees per second, or None if not recorded."""
        return self._clip_values("gyroscope", index)

    def skeleton(self, index: int) -> np.ndarray | None:
        """Returns float32 (frames, joints, 3) in metres, or None if not recorded."""
        return self._clip_values("skeleton", index)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over dataset.json, which holds the hashes of the manifest and the arrays."""
        return json_sha256(dataclasses.asdict(self.description))

    def _clip_values(self, name: str, index: int) -> np.ndarray | None:
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
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _load_array(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"An array must be a .npy file of shape {shape}", error, path) from error
    if values.shape != shape or values.dtype != np.dtype("<f4"):
        received = f"{values.dtype} {values.shape}"
        raise UserError(f"An array must be float32 of shape {shape}", received, path)
    return values
