"""Paired clips in memory: padded arrays of accelerometer and skeleton, with their labels."""

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.clip import NO_LABEL
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.protocols import clip_indices
from pskd_tf.input_settings import InputSettings


@dataclass(frozen=True)
class PairedClips:
    """Clips of chosen subjects, padded to common lengths.

    Attributes:
        clip_ids: Name of each clip.
        subjects: `(clips,)` subject of each clip, as text.
        labels: `(clips,)` int32 class indices, `NO_LABEL` where there is none.
        on_wrist: `(clips,)` whether the sensor was worn at the set's wrist place.
        accelerometer: `(clips, samples, 3)` float32 in g, zero beyond a clip's length.
        accelerometer_lengths: `(clips,)` samples of each clip, 0 without an accelerometer.
        skeleton: `(clips, frames, joints, 3)` float32 in metres, zero beyond a clip's length.
        skeleton_lengths: `(clips,)` frames of each clip.
        joint_parents: Parent of each joint, -1 for the root.
        root_joint: Index of the joint that the skeleton is centred on.
        up_axis: Index of the vertical axis of the skeleton.
        skeleton_dimensions: 3, or 2 where the third channel is a pose estimator's confidence.
        accelerometer_rate_hz: Rate of the accelerometer, in Hz.
        gyroscope: `(clips, samples, 3)` float32 in degrees per second, taken with the acceleration,
            zero beyond a clip's length and of a clip without; None where no clip has one.
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
    skeleton_dimensions: int = 3
    accelerometer_rate_hz: float = 50.0
    gyroscope: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.clip_ids)

    @property
    def signals(self) -> list[np.ndarray]:
        """Each clip's accelerometer samples, `(samples, 3)` float32 in g, without padding."""
        lengths = self.accelerometer_lengths
        return [clip[:length] for clip, length in zip(self.accelerometer, lengths, strict=True)]

    def sensor_samples(self, inputs: InputSettings, rows: np.ndarray | None = None) -> np.ndarray:
        """Returns the padded samples that models read.

        Args:
            inputs: The preprocessing, which names the sensors.
            rows: Indices of clips; None for all.

        Returns:
            `(clips, samples, axes)` float32: acceleration in g, behind it turn rates in degrees
            per second where the gyroscope is read.

        Raises:
            UserError: The gyroscope is to be read and no clip has one.
        """
        acceleration = self.accelerometer if rows is None else self.accelerometer[rows]
        if not inputs.has_gyroscope:
            return acceleration
        if self.gyroscope is None:
            raise UserError("sensors=accelerometer,gyroscope needs clips with a gyroscope", "none")
        rates = self.gyroscope if rows is None else self.gyroscope[rows]
        return np.concatenate([acceleration, rates], axis=-1)

    def sensor_signals(self, inputs: InputSettings) -> list[np.ndarray]:
        """Returns each clip's `sensor_samples`, `(samples, axes)` float32, without padding."""
        lengths = self.accelerometer_lengths
        samples = self.sensor_samples(inputs)
        return [clip[:length] for clip, length in zip(samples, lengths, strict=True)]

    @property
    def movements(self) -> int:
        """Number of clips of which each is drawn once an epoch."""
        return len(self)

    def epoch_rows(self, batch_size: int, steps: int, generator: np.random.Generator) -> np.ndarray:
        """Draws the rows of one epoch's batches.

        Each clip comes once; where the batches take more, it comes again when all others have come.

        Args:
            batch_size: Clips in a batch.
            steps: Batches.
            generator: Source of the draws.

        Returns:
            `(steps, batch)` rows.
        """
        return repeated_rows(self.movements, batch_size, steps, generator)

    @property
    def clip_of_row(self) -> np.ndarray:
        """`(rows,)` row of the data set's clip that each row is of."""
        return np.arange(len(self))

    @property
    def skeleton_channels(self) -> int:
        """Channels of `skeleton_features`: joints, velocities and bones, three axes each."""
        return 9 * len(self.joint_parents)

    @property
    def has_accelerometer(self) -> np.ndarray:
        """`(clips,)` whether the clip was recorded with an accelerometer."""
        return self.accelerometer_lengths > 0

    @property
    def has_skeleton(self) -> np.ndarray:
        """`(clips,)` whether the clip was recorded with a skeleton."""
        return self.skeleton_lengths > 0

    @property
    def is_labelled(self) -> np.ndarray:
        """`(clips,)` whether the clip has a label."""
        return np.asarray(self.labels != NO_LABEL)

    def without_labels(self, clip_ids: Collection[str]) -> "PairedClips":
        """Returns the same clips, of which those named have no label."""
        hidden = np.isin(self.clip_ids, list(clip_ids))
        labels = np.where(hidden, NO_LABEL, self.labels).astype(self.labels.dtype)
        return dataclasses.replace(self, labels=labels)

    def subset(self, rows: np.ndarray) -> "PairedClips":
        """Returns the clips at `rows` (indices or a mask), in that order."""
        rows = np.arange(len(self))[rows]
        columns = ["subjects", "labels", "on_wrist", "accelerometer", "accelerometer_lengths"]
        columns += ["skeleton", "skeleton_lengths"]
        columns += ["gyroscope"] * (self.gyroscope is not None)
        chosen = {name: getattr(self, name)[rows] for name in columns}
        clip_ids = tuple(self.clip_ids[row] for row in rows)
        return dataclasses.replace(self, clip_ids=clip_ids, **chosen)

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
        rows = clip_indices(prepared.manifest, subjects)
        return PairedClips.load_clips(prepared, prepared.manifest["clip_id"].iloc[rows])

    @staticmethod
    def load_clips(prepared: PreparedSet, clip_ids: Iterable[str]) -> "PairedClips":
        """Reads clips by name, in the order of the manifest.

        Args:
            prepared: The prepared set.
            clip_ids: Names of at least one of its clips.

        Returns:
            The clips.

        Raises:
            UserError: A clip is not in the set, or no clip is given.
        """
        manifest, wanted = prepared.manifest, set(clip_ids)
        rows = np.flatnonzero(manifest["clip_id"].isin(wanted))
        if not wanted or len(rows) != len(wanted):
            unknown = ", ".join(sorted(wanted - set(manifest["clip_id"]))) or "none"
            raise UserError("Clips must be at least one and of the prepared set", unknown)
        chosen = manifest.iloc[rows]
        description = prepared.description
        acceleration, lengths = padded_arrays(map(prepared.accelerometer, rows), (3,))
        rates, measured = padded_arrays(map(prepared.gyroscope, rows), (3,))
        joints = len(description.joint_names)
        skeleton, frames = padded_arrays(map(prepared.skeleton, rows), (joints, 3))
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
            skeleton_dimensions=description.skeleton_dimensions,
            accelerometer_rate_hz=description.streams["accelerometer"]["nominal_rate_hz"],
            gyroscope=_as_long(rates, acceleration.shape[1]) if measured.any() else None,
        )


def _as_long(padded: np.ndarray, samples: int) -> np.ndarray:
    """Pads clips further with zeros; a gyroscope's clips are never longer than the samples."""
    return np.pad(padded[:, :samples], [(0, 0), (0, samples - padded.shape[1]), (0, 0)])


def none_recordings(prepared: PreparedSet, names: Iterable[str]) -> list[np.ndarray]:
    """Reads recordings that show no class.

    Args:
        prepared: The prepared set.
        names: Their names.

    Returns:
        `(samples, 3)` float32 of each, in g.
    """
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(set(names)))
    return [prepared.measured(row) for row in rows]


def repeated_rows(
    count: int, batch_size: int, steps: int, generator: np.random.Generator
) -> np.ndarray:
    """Draws rows without replacement until all have come, and then again.

    Args:
        count: Number of rows to draw from.
        batch_size: Rows in a batch.
        steps: Batches.
        generator: Source of the draws.

    Returns:
        `(steps, batch)` rows from 0 to `count - 1`; no two of them differ by more than one in how
        often they come.
    """
    wanted = steps * batch_size
    rounds = max(1, -(-wanted // count))
    order = np.concatenate([generator.permutation(count) for _ in range(rounds)])
    return order[:wanted].reshape(steps, batch_size)


def padded_arrays(
    streams: Iterable[np.ndarray | None], tail: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Pads arrays with zeros to one length, that of the longest and at least 2.

    Args:
        streams: `(length, *tail)` each; None counts as length 0.
        tail: Shape of one sample or frame.

    Returns:
        `(arrays, longest, *tail)` float32, and `(arrays,)` int32 lengths.
    """
    none = np.zeros((0, *tail), np.float32)
    arrays = [none if one is None else one for one in streams]
    lengths = np.array([len(array) for array in arrays], np.int32)
    # At least 2, so that views can be read where no clip has a stream.
    longest = max(lengths.max(), 2)
    padded = np.zeros((len(arrays), longest, *tail), np.float32)
    for row, array in enumerate(arrays):
        padded[row, : len(array)] = array
    return padded, lengths
