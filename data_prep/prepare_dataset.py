"""From raw files to a prepared set, only when needed."""

import dataclasses
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.loaders.load_dataset import load_dataset
from data_prep.prepared_set import PreparedSet
from data_prep.prepared_set_writer import write_prepared_set
from data_prep.user_error import UserError

_OWN_FILES = {"dataset.json", "manifest.csv", "accelerometer.npy", "gyroscope.npy", "skeleton.npy"}


def prepare_dataset(
    dataset: str,
    raw_dir: str | Path | None,
    out_dir: str | Path,
    seed: int = 0,
    progress: Callable[[Iterable[Clip], int], Iterable[Clip]] | None = None,
) -> PreparedSet:
    """Returns the prepared set in `out_dir`, made from the raw files unless it already is.

    Args:
        dataset: Name of the data set; see `load_dataset`.
        raw_dir: Folder of its raw files; None for "synthetic".
        out_dir: Where the prepared set is or will be. A set of the same data set made from other
            raw files, another seed or by other versions is made anew.
        seed: Seed of generated data.
        progress: Wraps the clips, given their number, to show progress.

    Returns:
        The prepared set.

    Raises:
        UserError: A raw file is missing or damaged, or `out_dir` holds anything else.
    """
    out_dir = Path(out_dir).resolve()
    _check_place(out_dir, dataset)
    description, clips = load_dataset(dataset, raw_dir, seed)
    ready = _load_if_fresh(out_dir, description)
    if ready is not None:
        return ready
    if progress is not None:
        clips = progress(clips, description.num_clips)
    try:
        write_prepared_set(out_dir, description, clips)
    except OSError as error:
        raise UserError("The prepared set must be writable", error.strerror, out_dir) from error
    return PreparedSet.load(out_dir)


def _check_place(out_dir: Path, dataset: str) -> None:
    if not out_dir.exists():
        return
    if not out_dir.is_dir():
        raise UserError("out_dir must be a folder", "a file", out_dir)
    names = {path.name for path in out_dir.iterdir()}
    if names - _OWN_FILES:
        rule = "out_dir must be empty or hold a prepared set alone"
        raise UserError(rule, sorted(names - _OWN_FILES)[0], out_dir)
    if names:
        try:
            content = json.loads((out_dir / "dataset.json").read_text(encoding="utf-8"))
            name = content["name"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            rule = "out_dir must be empty or hold a prepared set"
            raise UserError(rule, "files without a dataset.json", out_dir) from error
        if name != dataset:
            rule = f"out_dir must be empty or hold a prepared set of {dataset}"
            raise UserError(rule, f"one of {name}", out_dir)


def _load_if_fresh(out_dir: Path, draft: DatasetDescription) -> PreparedSet | None:
    try:
        ready = PreparedSet.load(out_dir)
    except UserError:  # absent, damaged or of an older schema: made anew
        return None
    return ready if dataclasses.replace(ready.description, array_sha256={}) == draft else None
