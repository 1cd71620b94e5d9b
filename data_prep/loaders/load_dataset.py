"""The data sets by name."""

from collections.abc import Iterator
from pathlib import Path

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.loaders.synthetic import load_synthetic
from data_prep.loaders.utd_mhad import load_utd_mhad
from data_prep.user_error import UserError

DATASETS = ("synthetic", "utd_mhad")


def load_dataset(
    name: str, raw_dir: str | Path | None = None, seed: int = 0
) -> tuple[DatasetDescription, Iterator[Clip]]:
    """Returns the description and the clips of a data set.

    Args:
        name: One of `DATASETS`.
        raw_dir: Folder of its raw files; not used by "synthetic".
        seed: Seed of generated data; not used by recordings.

    Returns:
        The description, without the hashes that the writer adds, and the clips.

    Raises:
        UserError: The name is unknown, or raw files are missing or damaged.
    """
    if name not in DATASETS:
        raise UserError(f"The data set must be one of {', '.join(DATASETS)}", name)
    if name == "synthetic":
        return load_synthetic(seed)
    if not raw_dir:
        raise UserError(f"{name} needs a raw_dir with its files", "none")
    return load_utd_mhad(raw_dir)
