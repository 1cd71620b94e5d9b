"""Virtual clips: clips without an accelerometer, with acceleration computed from their skeletons.

The virtual sensors (`data_prep.virtual_acceleration`) are fitted on the clips of a training part
that have both streams, for each place where a sensor is worn.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.skeletons import SkeletonLayout
from data_prep.virtual_acceleration import VirtualSensor
from pskd_tf.data.clips import PairedClips, padded_arrays


def with_virtual_clips(
    clips: PairedClips,
    prepared: PreparedSet,
    clip_ids: Sequence[str],
    sensors: Sequence[str],
    *,
    real: bool = True,
) -> PairedClips:
    """Adds copies of clips whose acceleration is virtual; nothing of their real one is read.

    Real and virtual clips come equally often: real ones are repeated until they are as many as the
    copies of one virtual sensor. So they are half of all clips with one virtual sensor, and a third
    with two. Source: ours.

    Args:
        clips: The clips with an accelerometer, on which the virtual sensors are fitted.
        prepared: The set that all clips are of.
        clip_ids: Names of the clips to copy; each has a skeleton of at least 3 frames.
        sensors: `rotation`, `regression` or both; see `VirtualSensor`.
        real: Whether the real clips are returned, too.

    Returns:
        The real clips, then a copy of the others for each virtual sensor, named CLIP/SENSOR.

    Raises:
        UserError: Frames and samples do not share their time, the skeletons have two dimensions, or
            no clip with both streams has the sensor at the place of a clip to copy.
    """
    description = prepared.description
    if description.alignment != "end_to_end":
        rule = "Virtual sensors are fitted on frames and samples that start and end together"
        raise UserError(rule, f"alignment {description.alignment}", prepared.folder)
    layout = SkeletonLayout.of(description)
    manifest = prepared.manifest
    place_of = dict(zip(manifest["clip_id"], manifest["sensor_place"], strict=True))
    silent = PairedClips.load_clips(prepared, clip_ids)
    paired = clips.subset(clips.has_skeleton & (clips.skeleton_lengths > 2))
    skeletons = [
        clip[:length] for clip, length in zip(paired.skeleton, paired.skeleton_lengths, strict=True)
    ]
    fitted = {}
    for place in sorted({place_of[clip_id] for clip_id in silent.clip_ids}):
        rows = [row for row, clip in enumerate(paired.clip_ids) if place_of[clip] == place]
        fitted[place] = VirtualSensor.fit(
            [skeletons[row] for row in rows],
            [paired.signals[row] for row in rows],
            layout,
            place,
            clips.accelerometer_rate_hz,
        )
    repeated = np.resize(np.arange(len(clips)), max(len(clips), len(silent)))
    parts = [clips.subset(repeated)] if real else []
    for sensor in sensors:
        signals = []
        for row, clip_id in enumerate(silent.clip_ids):
            virtual = fitted[place_of[clip_id]]
            way = virtual.by_rotation if sensor == "rotation" else virtual.by_regression
            signals.append(way(silent.skeleton[row, : silent.skeleton_lengths[row]]))
        parts.append(_measuring(silent, signals, sensor))
    return _joined(parts)


def _measuring(clips: PairedClips, signals: list[np.ndarray], sensor: str) -> PairedClips:
    padded, lengths = padded_arrays(signals, (3,))
    return dataclasses.replace(
        clips,
        clip_ids=tuple(f"{clip_id}/{sensor}" for clip_id in clips.clip_ids),
        accelerometer=padded,
        accelerometer_lengths=lengths,
    )


def _joined(parts: Sequence[PairedClips]) -> PairedClips:
    columns: dict[str, Any] = {}
    for name in ("subjects", "labels", "on_wrist", "accelerometer_lengths", "skeleton_lengths"):
        columns[name] = np.concatenate([getattr(part, name) for part in parts])
    for name in ("accelerometer", "skeleton"):
        arrays = [getattr(part, name) for part in parts]
        longest = max(array.shape[1] for array in arrays)
        tail = [(0, 0)] * (arrays[0].ndim - 2)
        columns[name] = np.concatenate(
            [np.pad(array, [(0, 0), (0, longest - array.shape[1]), *tail]) for array in arrays]
        )
    clip_ids = tuple(clip_id for part in parts for clip_id in part.clip_ids)
    return dataclasses.replace(parts[0], clip_ids=clip_ids, **columns)
