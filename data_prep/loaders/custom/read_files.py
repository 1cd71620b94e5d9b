"""The files of own recordings, each read once however many clips are cut out of it."""

from dataclasses import asdict, dataclass, replace

import numpy as np

from data_prep.errors import UserError
from data_prep.formats.archives import RawFile, ReadOnce
from data_prep.formats.tables import read_columns
from data_prep.formats.text_tables import TEXT_SUFFIXES, read_text_table
from data_prep.loaders.custom.accelerometer import CustomAccelerometer
from data_prep.loaders.custom.manifest import CustomClip
from data_prep.loaders.custom.raw_samples import (
    SECONDS_PER_UNIT,
    RawSamples,
    read_raw_samples,
    text_stamps,
)
from data_prep.skeletons import SkeletonLayout

_Source = tuple[str, str]


@dataclass(frozen=True, eq=False)
class CustomSkeleton:
    """The skeleton of a whole recording.

    Args:
        joints: float64 (frames, joints, 3) in the unit of the file, NaN where a joint is lost.
        is_cut: Whether the file's last line, which may be cut, was left out.
        stamps: float64 (frames,) in seconds on the logger's clock; None without stamps.
    """

    joints: np.ndarray
    is_cut: bool
    stamps: np.ndarray | None = None


class ReadFiles(ReadOnce):
    """The recordings of a manifest that were read last."""

    def accelerometer(self, item: RawFile, clip: CustomClip) -> tuple[CustomAccelerometer, _Source]:
        """Returns the whole recording of a clip's accelerometer.

        Args:
            item: The file.
            clip: The row of the manifest. Clips with other cells of the accelerometer have it read
                anew; clips that are parts of a table share it.

        Returns:
            The recording, and the file's name and SHA-256.

        Raises:
            UserError: The file is damaged or differs from the manifest.
        """
        suffix, name = item.path.suffix.lower(), f"{item.name}; {clip.place}"

        def read_samples(content: bytes) -> RawSamples:
            return read_raw_samples(content, clip, suffix, name)

        def read_whole(content: bytes) -> CustomAccelerometer:
            return CustomAccelerometer.read(content, clip, suffix, name)

        cells = tuple(
            value
            for field, value in asdict(clip).items()
            if field.startswith("accelerometer_") and field != "accelerometer_part"
        )
        if clip.accelerometer_part:
            samples, source = self.read(("samples", item, cells), item, name, read_samples)
            return CustomAccelerometer.of(samples, clip, name), source
        whole, source = self.read(("accelerometer", item, cells), item, name, read_whole)
        return replace(whole, name=name), source

    def skeleton(
        self, item: RawFile, clip: CustomClip, layout: SkeletonLayout
    ) -> tuple[CustomSkeleton, _Source]:
        """Returns the whole recording of a clip's skeleton.

        Args:
            item: The file.
            clip: The row of the manifest.
            layout: The joints of the file's columns.

        Returns:
            The recording, and the file's name and SHA-256.

        Raises:
            UserError: The file is damaged or has another number of joints.
        """
        suffix, name = item.path.suffix.lower(), f"{item.name}; {clip.place}"

        def read(content: bytes) -> CustomSkeleton:
            joints = read_custom_skeleton(content, clip, layout, suffix, name)
            is_cut = suffix in TEXT_SUFFIXES and not content.endswith((b"\n", b"\r"))
            stamps = _frame_stamps(content, clip, suffix, name)
            return CustomSkeleton(joints, is_cut, stamps)

        cells = (clip.skeleton_columns, clip.skeleton_stamp_column, clip.skeleton_stamp_unit)
        key = ("skeleton", item, cells, clip.skeleton_key)
        return self.read(key, item, name, read)


def _frame_stamps(content: bytes, clip: CustomClip, suffix: str, name: str) -> np.ndarray | None:
    """Returns float64 (frames,) in seconds, None if the manifest names no stamps."""
    column, unit = clip.skeleton_stamp_column, clip.skeleton_stamp_unit
    if not column:
        return None
    if unit in ("iso", "clock"):
        if suffix not in TEXT_SUFFIXES:
            raise UserError("Stamps of an array must be numbers", unit, name)
        table = read_text_table(content, name)
        (index,) = table.indices([column])
        stamps, _, errors = text_stamps(table, index, unit)
        if errors:
            raise errors[min(errors)]
    else:
        stamps = read_columns(content, suffix, name, [column], clip.skeleton_key)[:, 0]
        stamps = stamps * SECONDS_PER_UNIT[unit]
    if not np.isfinite(stamps).all():
        frame = int(np.flatnonzero(~np.isfinite(stamps))[0])
        raise UserError("Time stamps must be finite", f"not so in frame {frame}", name)
    return stamps


def read_custom_skeleton(
    content: bytes, clip: CustomClip, layout: SkeletonLayout, suffix: str, name: str
) -> np.ndarray:
    """Reads the skeleton of a whole recording.

    A joint is lost in a frame where it is not finite, or at zero although it is elsewhere in
    other frames, as many trackers write it.

    Args:
        content: The file's bytes.
        clip: The row of the manifest.
        layout: The joints of its columns: x, y, z of the first joint, of the second, ...
        suffix: Of the file.
        name: The file and the row of the manifest, for errors.

    Returns:
        float64 (frames, joints, 3) in the unit of the file, NaN where a joint is lost.

    Raises:
        UserError: The file is damaged or has another number of joints.
    """
    table = read_columns(content, suffix, name, clip.skeleton_columns, clip.skeleton_key)
    joints = len(layout.joint_names)
    if table.shape[1] != 3 * joints:
        rule = f"A skeleton of {joints} joints must have {3 * joints} columns"
        raise UserError(rule, table.shape[1], name)
    if len(table) < 2:
        raise UserError("A recording needs at least 2 frames", len(table), name)
    skeleton = table.reshape(len(table), joints, 3)
    at_zero = (skeleton[:, :, : layout.dimensions] == 0).all(axis=2)
    lost = at_zero & ~at_zero.all(axis=0)  # the root of a centred skeleton is always at zero
    lost |= ~np.isfinite(skeleton).all(axis=2)
    return np.where(lost[:, :, None], np.nan, skeleton)
