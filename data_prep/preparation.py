"""From raw files to a prepared set, only when needed."""

import dataclasses
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from pathlib import Path

from data_prep.clip import SENSORS, Clip
from data_prep.clip_reading import read_clips
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import Refusal, UserError
from data_prep.loader import DatasetOptions, Loader, option_values
from data_prep.prepared_set import PreparedSet
from data_prep.prepared_set_writer import write_prepared_set
from data_prep.registry import load_dataset

_OWN_FILES = {
    "dataset.json",
    "manifest.csv",
    "quarantine.csv",
    "accelerometer.npy",
    "gyroscope.npy",
    "skeleton.npy",
}
_Items = Iterable[Clip | Refusal]


def prepare_dataset(
    dataset: str,
    raw_dir: str | Path | None,
    out_dir: str | Path,
    seed: int = 0,
    progress: Callable[[_Items, int], _Items] | None = None,
    *,
    options: DatasetOptions | None = None,
    quarantine: bool = False,
    runner: str = "processes",
    workers: int = 1,
    ray_address: str | None = None,
    replaces: bool = True,
    sensors: tuple[str, ...] = SENSORS[:1],
) -> PreparedSet:
    """Returns the prepared set in `out_dir`, made from the raw files unless it already is.

    Args:
        dataset: Name of the data set; see `load_dataset`.
        raw_dir: Folder of its raw files; None for "synthetic".
        out_dir: Where the prepared set is or will be. A set of the same data set made from other
            raw files, another seed, other options or by other versions is made anew.
        seed: Seed of generated data.
        progress: Wraps the clips, given their number, to show progress.
        options: Options of the data set's loader.
        quarantine: Whether a bad clip is listed in quarantine.csv and left out; else the first
            one is an error.
        runner: See `read_clips`; it does not change the bytes written.
        workers: See `read_clips`; it does not change the bytes written.
        ray_address: See `read_clips`.
        replaces: Whether a set of other data there is replaced; else it is an error. A damaged one
            is made anew in either case.
        sensors: Of `SENSORS`, what each clip with an accelerometer must have; generated data have
            just that.

    Returns:
        The prepared set.

    Raises:
        UserError: A raw file is missing or damaged, an argument is out of range, `out_dir` holds
            anything else, or clips lack one of the sensors.
    """
    out_dir = Path(out_dir).resolve()
    _check_place(out_dir, dataset)
    loader = load_dataset(dataset, raw_dir, seed, options, sensors)
    found = loader.discover()
    draft = dataclasses.replace(found.description, options=option_values(loader))
    ready = _load_if_fresh(out_dir, draft, quarantine, replaces)
    if ready is not None:
        check_sensors(ready, sensors)
        return ready
    items = read_clips(
        loader, found.sources, runner, workers, ray_address, draft.skeleton_dimensions
    )
    with closing(items):
        wrapped = items if progress is None else progress(items, len(found.sources))
        try:
            kept = wrapped if quarantine else _or_stop(wrapped, loader)
            write_prepared_set(out_dir, draft, kept)
        except OSError as error:
            rule = "The prepared set must be writable"
            raise UserError(rule, error.strerror, out_dir) from error
    prepared = PreparedSet.load(out_dir)
    check_sensors(prepared, sensors)
    return prepared


def check_sensors(prepared: PreparedSet, sensors: Collection[str]) -> None:
    """Refuses a prepared set of which some clips lack the gyroscope that is to be read.

    Args:
        prepared: The set.
        sensors: Of `SENSORS`.

    Raises:
        UserError: A clip with an accelerometer has no gyroscope.
    """
    if "gyroscope" not in sensors:
        return
    worn = prepared.has_accelerometer
    bare = worn & (prepared.manifest["gyroscope_length"].to_numpy() == 0)
    if bare.any():
        rule = (
            "--sensors=accelerometer,gyroscope needs a gyroscope in every clip with an "
            "accelerometer (--sensors=accelerometer reads without)"
        )
        raise UserError(rule, f"{bare.sum()} of {worn.sum()} clips without", prepared.folder)


def _or_stop(items: _Items, loader: Loader) -> Iterator[Clip]:
    for item in items:
        if isinstance(item, Refusal):
            error = item.error
            help_text = "--quarantine leaves bad clips out"
            is_gap = error.rule.endswith((" s apart", " frames on end"))
            if is_gap and hasattr(loader, "longest_gap_seconds"):
                help_text += ", a larger --longest_gap_seconds accepts longer gaps"
            received = "" if error.received is None else f"{error.received} "
            raise UserError(error.rule, f"{received}({help_text})", error.path) from error
        yield item


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


def _load_if_fresh(
    out_dir: Path, draft: DatasetDescription, quarantine: bool, replaces: bool
) -> PreparedSet | None:
    try:
        ready = PreparedSet.load(out_dir)
        ready.check_hashes()
    except UserError:  # absent, damaged or of an older schema: made anew
        return None
    found = dataclasses.replace(ready.description, array_sha256={})
    if found.num_quarantined:
        if not quarantine:  # the first bad clip has to stop
            return None
        draft = draft.without(found.num_quarantined, set(ready.manifest["subject"]))
    if found.to_json() == draft.to_json():
        return ready
    if not replaces:
        rule = "A run's prepared set is of its own data; other data need another --run_dir"
        raise UserError(rule, _first_difference(found, draft), out_dir)
    return None


def _first_difference(found: DatasetDescription, draft: DatasetDescription) -> str:
    before, now = json.loads(found.to_json()), json.loads(draft.to_json())
    name = next(name for name in before if before[name] != now[name])
    if isinstance(before[name], dict) and isinstance(now[name], dict):
        parts = sorted(before[name].keys() | now[name].keys())
        odd = [one for one in parts if before[name].get(one) != now[name].get(one)]
        return f"another {odd[0]} ({name}) than in its dataset.json"
    return f"another {name} than in its dataset.json"
