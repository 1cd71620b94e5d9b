"""Writes a prepared set, whole or not at all."""

import dataclasses
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data_prep.clip import NO_LABEL, NULL_ACTION, NULL_LABEL, Clip, check_clip
from data_prep.csv_cells import CsvWriter
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import Refusal, UserError
from data_prep.files import file_sha256, whole_folder
from data_prep.prepared_set import QUARANTINE_COLUMNS, STREAMS


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
        streams = {name: _StreamFile(part, name) for name in STREAMS}
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
        for name in STREAMS:
            row += streams[name].append(clip.stream(name))
        for name in STREAMS:
            row += clip.sources.get(name, ("", ""))
        self._writer.write_row([*row, ";".join(clip.flags)])

    def _columns(self) -> list[str]:
        header = ["clip_id", "subject", "action", "action_name", "trial", "sensor_place"]
        rest = [f"{name}_{suffix}" for name in STREAMS for suffix in ("start", "length")]
        rest += [f"{name}_{suffix}" for name in STREAMS for suffix in ("source", "sha256")]
        rest.append("flags")
        taken = sorted({*header, *rest} & set(self._attributes))
        if taken:
            raise UserError("An attribute must not be named like a column", taken[0])
        return [*header, *self._attributes, *rest]


def _write_quarantine(path: Path, refusals: list[Refusal], class_names: list[str]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = CsvWriter(stream, QUARANTINE_COLUMNS)
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
