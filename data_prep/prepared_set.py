"""The prepared set: one folder of arrays and tables that training reads.

manifest.csv has one row a clip; accelerometer.npy, gyroscope.npy and skeleton.npy hold all clips
one after the other; dataset.json describes the set and holds the hashes of the other files;
quarantine.csv lists the clips that were left out. `write_prepared_set` writes the folder,
`PreparedSet` reads it, `prepared_table` summarises it.
"""

import dataclasses
import shutil
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, SupportsIndex

import numpy as np
import pandas as pd

from data_prep.clip import NO_LABEL, NULL_ACTION, NULL_LABEL, Clip, check_clip
from data_prep.csv_cells import CsvWriter, cell_text
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import Refusal, UserError
from data_prep.files import check_sha256, file_sha256, json_sha256, whole_folder
from data_prep.problems import Problem
from data_prep.protocols import protocol_splits

_STREAMS = ("accelerometer", "gyroscope", "skeleton")
_QUARANTINE_HEADER = ["clip_id", "file", "reason", "subject", "action_name"]


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
            rule = "A prepared set needs a dataset.json; run data_prep.prepare"
            raise UserError(rule, "none", folder / "dataset.json")
        description = DatasetDescription.load(folder / "dataset.json")
        counts = [f"{name}_{what}" for name in _STREAMS for what in ("start", "length")]
        manifest = _load_table(folder / "manifest.csv", description)
        try:
            _ = manifest[["clip_id", "subject", "sensor_place", "flags"]]
            manifest = manifest.astype(dict.fromkeys(["action", *counts], np.int64))
            ends = {name: int(_bounds(manifest, name)[:, 1].max()) for name in _STREAMS}
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            rule = "A manifest.csv must be as it was prepared; prepare it again"
            raise UserError(rule, error, folder / "manifest.csv") from error
        quarantine = pd.DataFrame(columns=_QUARANTINE_HEADER, dtype=str)
        if description.num_quarantined:
            listed = _load_table(folder / "quarantine.csv", description)
            # Lists of earlier versions do not name subject and action.
            quarantine = listed.reindex(columns=_QUARANTINE_HEADER, fill_value="")
        arrays = {}
        for name in _STREAMS:
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


def write_prepared_set(
    folder: str | Path, description: DatasetDescription, clips: Iterable[Clip | Refusal]
) -> DatasetDescription:
    """Writes manifest.csv, one .npy a stream and dataset.json; whole or not at all.

    Refused clips are listed in quarantine.csv, which is absent if there are none. Only one clip is
    in memory at a time. The same clips give the same bytes.

    Args:
        folder: Where to write; a folder there is replaced.
        description: The loader's draft.
        clips: The clips, in the order to keep, and refusals in the place of bad ones.

    Returns:
        The description as written, with the hashes of the files.

    Raises:
        UserError: There is no clip, a clip_id comes twice, or a clip breaks a rule.
    """
    with whole_folder(Path(folder).resolve()) as part:
        streams = {name: _StreamFile(part, name) for name in _STREAMS}
        refusals: list[Refusal] = []
        try:
            manifest = _Manifest(part / "manifest.csv", description)
            with manifest:
                for item in clips:
                    if isinstance(item, Refusal):
                        refusals.append(item)
                    else:
                        manifest.append(item, streams)
            arrays = [stream.finish() for stream in streams.values()]
        finally:
            for stream in streams.values():
                stream.close()
        if not manifest.clip_ids:
            rule = "A data set needs at least one good clip"
            raise UserError(rule, refusals[0].error if refusals else "none", description.name)
        names = ["manifest.csv", *(name for name in arrays if name)]
        if refusals:
            _write_quarantine(part / "quarantine.csv", refusals, description.class_names)
            names.append("quarantine.csv")
        draft = dataclasses.replace(
            description, num_clips=len(manifest.clip_ids) + len(refusals)
        ).without(len(refusals), manifest.subjects if refusals else set(description.subjects))
        written = dataclasses.replace(
            draft, array_sha256={name: file_sha256(part / name) for name in names}
        )
        (part / "dataset.json").write_text(written.to_json(), encoding="utf-8")
    return written


class _Manifest:
    """The growing manifest.csv; its columns are those of the first clip."""

    def __init__(self, path: Path, description: DatasetDescription):
        self._description = description
        self._stream = open(path, "w", newline="", encoding="utf-8")  # noqa: SIM115
        self._writer: CsvWriter | None = None
        self._attributes: list[str] = []
        self.clip_ids: set[str] = set()
        self.subjects: set[str] = set()

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def append(self, clip: Clip, streams: dict[str, "_StreamFile"]) -> None:
        check_clip(clip, self._description.skeleton_dimensions)
        _check_against(self._description, clip, self.clip_ids)
        if self._writer is None:
            self._attributes = list(clip.attributes)
            self._writer = CsvWriter(self._stream, self._columns())
        if list(clip.attributes) != self._attributes:
            rule = f"Every clip must have the attributes {', '.join(self._attributes) or 'of none'}"
            raise UserError(rule, ", ".join(clip.attributes) or "none", f"clip {clip.clip_id}")
        self.clip_ids.add(clip.clip_id)
        self.subjects.add(clip.subject)
        action_name = _action_name(clip.action, self._description.class_names)
        row = [clip.clip_id, clip.subject, clip.action, action_name, clip.trial, clip.sensor_place]
        row += clip.attributes.values()
        for name in _STREAMS:
            row += streams[name].append(clip.stream(name))
        for name in _STREAMS:
            row += clip.sources.get(name, ("", ""))
        self._writer.write_row([*row, ";".join(clip.flags)])

    def _columns(self) -> list[str]:
        header = ["clip_id", "subject", "action", "action_name", "trial", "sensor_place"]
        rest = [f"{name}_{suffix}" for name in _STREAMS for suffix in ("start", "length")]
        rest += [f"{name}_{suffix}" for name in _STREAMS for suffix in ("source", "sha256")]
        rest.append("flags")
        taken = sorted({*header, *rest} & set(self._attributes))
        if taken:
            raise UserError("An attribute must not be named like a column", taken[0])
        return [*header, *self._attributes, *rest]


def _write_quarantine(path: Path, refusals: list[Refusal], class_names: list[str]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = CsvWriter(stream, _QUARANTINE_HEADER)
        for refusal in refusals:
            error = refusal.error
            action = "" if refusal.action is None else _action_name(refusal.action, class_names)
            cells = [refusal.clip_id, error.path or "", error.reason, refusal.subject, action]
            writer.write_row(cells)


def _action_name(action: int, class_names: Sequence[str]) -> str:
    known = {NO_LABEL: "", NULL_ACTION: NULL_LABEL}
    return known[action] if action in known else class_names[action]


def _check_against(description: DatasetDescription, clip: Clip, seen: set[str]) -> None:
    path = next((source[0] for source in clip.sources.values()), None)
    if clip.clip_id in seen:
        raise UserError("A clip_id must be unique", clip.clip_id, path)
    if not NULL_ACTION <= clip.action < len(description.class_names):
        limit = len(description.class_names) - 1
        rule = f"An action must be 0 to {limit}, {NO_LABEL} without a label, {NULL_ACTION} for none"
        raise UserError(rule, clip.action, path)
    if clip.subject not in description.subjects:
        raise UserError("A clip's subject must be one of the data set's", clip.subject, path)
    joints = len(description.joint_names)
    if clip.skeleton is not None and clip.skeleton.shape[1] != joints:
        path = clip.sources.get("skeleton", (None, ""))[0]
        raise UserError(f"A skeleton must have {joints} joints", clip.skeleton.shape[1], path)


class _StreamFile:
    """Raw values appended to a part file; `finish` puts the .npy header before them."""

    def __init__(self, folder: Path, name: str):
        self._part = folder / f"{name}.part"
        self._target = folder / f"{name}.npy"
        self._stream: BinaryIO = open(self._part, "wb")  # noqa: SIM115 - closed by close()
        self._length = 0
        self._item_shape: tuple[int, ...] = ()

    def append(self, values: np.ndarray | None) -> list[int]:
        """Appends (length, ...) values; returns their start and length (0 for None)."""
        start = self._length
        if values is None:
            return [start, 0]
        self._stream.write(np.ascontiguousarray(values, dtype="<f4").tobytes())
        self._length += len(values)
        self._item_shape = values.shape[1:]
        return [start, len(values)]

    def finish(self) -> str | None:
        """Writes the .npy and returns its name; None if no clip had this stream."""
        self._stream.close()
        if self._length:
            shape = (self._length, *self._item_shape)
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            with open(self._part, "rb") as part, open(self._target, "wb") as target:
                np.lib.format.write_array_header_1_0(target, header)
                shutil.copyfileobj(part, target)
        self._part.unlink()
        return self._target.name if self._length else None

    def close(self) -> None:
        self._stream.close()


def prepared_table(prepared: PreparedSet) -> str:
    """Returns counts of clips by subject, place, protocol part and flag, as text.

    Args:
        prepared: The set.

    Returns:
        Lines without a final newline.
    """
    manifest, description = prepared.manifest, prepared.description
    lines = [f"{description.title}: {len(prepared)} clips, {len(description.class_names)} actions"]
    lines += [f"note: {note}" for note in description.source_notes]
    subjects = manifest["subject"].value_counts()
    rows = [(f"subject {name}", subjects.get(name, 0)) for name in description.subjects]
    for name in description.protocols:
        (split,) = protocol_splits(description, manifest, name)
        remark = " (leaks subjects)" if split.leaks_subjects else ""
        for part, clips in (("train", split.train_clips), ("test", split.test_clips)):
            empty = " (empty: no score)" if not clips else ""
            rows.append((f"{name} {part}{remark}{empty}", len(clips)))
    places = manifest["sensor_place"].value_counts()
    rows += [(f"sensor on {place}", places[place]) for place in sorted(places.index)]
    rows += _quality(manifest, prepared.quarantine)
    width = max(len(label) for label, _ in rows)
    lines += [f"  {label:<{width}}  {int(count):>6}" for label, count in rows]
    return "\n".join(lines)


def _quality(manifest: pd.DataFrame, quarantine: pd.DataFrame) -> list[tuple[str, int]]:
    rows = [("clips read", len(manifest) + len(quarantine))]
    counted = {"clips without a label": NO_LABEL, "clips of no action": NULL_ACTION}
    for label, action in counted.items():
        count = int((manifest["action"] == action).sum())
        if count:
            rows.append((label, count))
    silent = int((manifest["accelerometer_length"] == 0).sum())
    if silent:
        rows.append(("clips without accelerometer", silent))
    rows.append(("clips flagged", int(manifest["flags"].ne("").sum())))
    flags = manifest["flags"].str.split(";").explode().value_counts()
    rows += [(f"flag {name}", flags[name]) for name in sorted(flags.index) if name]
    rows.append(("clips dropped", len(quarantine)))
    # A reason is the broken rule and what was received; the rule alone tells the kinds apart.
    rules = quarantine["reason"].str.split(" Received:").str[0].value_counts()
    rows += [(f"dropped: {rule}", rules[rule]) for rule in sorted(rules.index)]
    actions = quarantine["action_name"].value_counts()
    return rows + [(f"dropped of {name}", actions[name]) for name in sorted(actions.index) if name]


def dropped_clips(prepared: PreparedSet) -> list[Problem]:
    """Returns a warning for each rule by which clips were left out, with their number by class.

    Args:
        prepared: The set.

    Returns:
        Warnings of the kind "dropped", the most frequent rule first.
    """
    rules = prepared.quarantine["reason"].str.split(" Received:").str[0]
    found = []
    for rule, count in rules.value_counts().items():
        actions = prepared.quarantine["action_name"][rules == rule].value_counts()
        classes = ", ".join(f"{number} of {name or 'no label'}" for name, number in actions.items())
        found.append(Problem("dropped", f"{count} clips ({classes})", str(rule)))
    return found


_MOST_LOST = 0.2


def lost_classes(prepared: PreparedSet) -> list[Problem]:
    """Returns a warning for each class that lost more than a fifth of its clips.

    Args:
        prepared: The set.

    Returns:
        Warnings of the kind "lost", in the order of the classes.
    """
    kept = prepared.manifest["action_name"].value_counts()
    dropped = prepared.quarantine["action_name"].value_counts()
    found = []
    for name in prepared.description.class_names:
        lost = int(dropped.get(name, 0))
        total = lost + int(kept.get(name, 0))
        if lost > _MOST_LOST * total:
            text = f"{lost} of {total} clips are dropped; a score of this class is of the others"
            found.append(Problem("lost", name, text))
    return found
