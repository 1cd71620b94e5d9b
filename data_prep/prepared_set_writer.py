"""Writing a prepared set, one clip at a time."""

import csv
import dataclasses
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from data_prep.check_clip import check_clip
from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.fingerprint import file_sha256
from data_prep.user_error import UserError
from data_prep.whole_file import whole_folder

_STREAMS = ("accelerometer", "gyroscope", "skeleton")


def write_prepared_set(
    folder: str | Path, description: DatasetDescription, clips: Iterable[Clip]
) -> DatasetDescription:
    """Writes manifest.csv, one .npy a stream and dataset.json; whole or not at all.

    Only one clip is in memory at a time. The same clips give the same bytes.

    Args:
        folder: Where to write; a folder there is replaced.
        description: The loader's draft.
        clips: The clips, in the order to keep.

    Returns:
        The description as written, with the hashes of the files.

    Raises:
        UserError: There is no clip, a clip_id comes twice, or a clip breaks a rule.
    """
    with whole_folder(Path(folder).resolve()) as part:
        streams = {name: _StreamFile(part, name) for name in _STREAMS}
        try:
            num_clips = _write_clips(part / "manifest.csv", description, clips, streams)
            names = [stream.finish() for stream in streams.values()]
        finally:
            for stream in streams.values():
                stream.close()
        names = ["manifest.csv", *(name for name in names if name)]
        written = dataclasses.replace(
            description,
            num_clips=num_clips,
            array_sha256={name: file_sha256(part / name) for name in names},
        )
        (part / "dataset.json").write_text(written.to_json(), encoding="utf-8")
    return written


def _write_clips(
    path: Path,
    description: DatasetDescription,
    clips: Iterable[Clip],
    streams: dict[str, "_StreamFile"],
) -> int:
    header = ["clip_id", "subject", "action", "action_name", "trial", "sensor_place"]
    for suffixes in (("start", "length"), ("source", "sha256")):
        header += [f"{name}_{suffix}" for name in _STREAMS for suffix in suffixes]
    seen: set[str] = set()
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow([*header, "flags"])
        for clip in clips:
            check_clip(clip)
            _check_against(description, clip, seen)
            seen.add(clip.clip_id)
            row = [clip.clip_id, clip.subject, clip.action, description.class_names[clip.action]]
            row += [clip.trial, clip.sensor_place]
            for name in _STREAMS:
                row += streams[name].append(clip.stream(name))
            for name in _STREAMS:
                row += clip.sources.get(name, ("", ""))
            writer.writerow([*row, ";".join(clip.flags)])
    if not seen:
        raise UserError("A data set needs at least one clip", "none", description.name)
    return len(seen)


def _check_against(description: DatasetDescription, clip: Clip, seen: set[str]) -> None:
    path = clip.sources.get("accelerometer", (None, ""))[0]
    if clip.clip_id in seen:
        raise UserError("A clip_id must be unique", clip.clip_id, path)
    if not 0 <= clip.action < len(description.class_names):
        limit = len(description.class_names) - 1
        raise UserError(f"An action must be 0 to {limit}", clip.action, path)
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
