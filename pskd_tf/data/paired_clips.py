"""The clips of a few subjects in memory, skeleton and accelerometer by the same index."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.prepared_set import PreparedSet
from data_prep.protocol import clip_indices


@dataclass(frozen=True)
class PairedClips:
    """Clips of chosen subjects, padded to common lengths.

    Attributes:
        clip_ids: Name of each clip.
        subjects: `(clips,)` subject of each clip, as text.
        labels: `(clips,)` int32 class indices.
        on_wrist: `(clips,)` whether the sensor was worn at the set's wrist place.
        accelerometer: `(clips, samples, 3)` float32 in g, zero beyond a clip's length.
        accelerometer_lengths: `(clips,)` samples of each clip.
        skeleton: `(clips, frames, joints, 3)` float32 in metres, zero beyond a clip's length.
        skeleton_lengths: `(clips,)` frames of each clip.
        joint_parents: Parent of each joint, -1 for the root.
        root_joint: Index of the joint that the skeleton is centred on.
        up_axis: Index of the vertical axis of the skeleton.
    """

    clip_ids: tuple[str, ...]
    subjects: np.ndarray
    labels: np.ndarray
    on_wrist: np.ndarray
    accelerometer: np.ndarray
    accelerometer_lengths: np.ndarray
    skeleton: np.ndarray
    skeleton_lengths: np.ndarray
    joint_parents: tuple[int, ...]
    root_joint: int
    up_axis: int

    def __len__(self) -> int:
        return len(self.clip_ids)

    @property
    def skeleton_channels(self) -> int:
        """Channels of `skeleton_features`: joints, velocities and bones, three axes each."""
        return 9 * len(self.joint_parents)

    @staticmethod
    def load(prepared: PreparedSet, subjects: Sequence[str]) -> "PairedClips":
        """Reads the clips of `subjects`, in the order of the manifest.

        Args:
            prepared: The prepared set.
            subjects: At least one of its subjects.

        Returns:
            The clips.

        Raises:
            UserError: A subject has no clip, or no subject is given.
        """
        manifest = prepared.manifest
        rows = clip_indices(manifest, subjects)
        chosen = manifest.iloc[rows]
        description = prepared.description
        acceleration, lengths = _padded([prepared.accelerometer(row) for row in rows])
        skeleton, frames = _padded([prepared.skeleton(row) for row in rows])
        return PairedClips(
            clip_ids=tuple(chosen["clip_id"]),
            subjects=chosen["subject"].to_numpy(str),
            labels=chosen["action"].to_numpy(np.int32),
            on_wrist=(chosen["sensor_place"] == description.wrist_place).to_numpy(),
            accelerometer=acceleration,
            accelerometer_lengths=lengths,
            skeleton=skeleton,
            skeleton_lengths=frames,
            joint_parents=tuple(description.joint_parents),
            root_joint=description.root_joint,
            up_axis=description.up_axis,
        )


def _padded(arrays: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.array([len(array) for array in arrays], np.int32)
    padded = np.zeros((len(arrays), lengths.max(), *arrays[0].shape[1:]), np.float32)
    for row, array in enumerate(arrays):
        padded[row, : len(array)] = array
    return padded, lengths
