"""Training clips for the stream: the data set's clips, cuts of them between rests, and "none".

`StreamClips.of` puts rest around every clip, cuts the streams as the device does, and adds cuts of
the class "none" from `pskd_tf.data.idle`. In clip mode the segment detector cuts, with settings
that vary; in window mode a cut is a window at a random place. A cut keeps the skeleton of its own
time, so that teachers read the same movement.
"""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pskd_tf.data.clips import PairedClips, padded_arrays, repeated_rows
from pskd_tf.data.detector import Segments, detect_segments
from pskd_tf.data.features import window_span
from pskd_tf.data.idle import (
    IDLE_GENERATORS,
    RECORDED,
    IdleSource,
    Stream,
    class_starts,
    idle_stream,
    joined,
    recorded,
)
from pskd_tf.data.views import draw_generator
from pskd_tf.input_settings import InputSettings
from pskd_tf.stream_settings import DetectorSettings, StreamSettings

# Streams that the detector cuts at once; and rounds of them until there are enough negatives.
_CHUNK, _ROUNDS = 1024, 40


@dataclass(frozen=True)
class StreamClips(PairedClips):
    """Clips, their cuts and negatives in one set of arrays.

    Attributes:
        whole: Number of the data set's clips, which come first.
        cuts_of: For each of them, the rows of its cuts.
        negative_rows: For each kind, the rows of its cuts.
        clip_share: Share of movements that are drawn as whole clips.
        negatives: Samples of the class "none" for each movement.
    """

    whole: int = 0
    cuts_of: tuple[np.ndarray, ...] = ()
    negative_rows: tuple[np.ndarray, ...] = ()
    clip_share: float = 1.0
    negatives: float = 0.0

    @property
    def movements(self) -> int:
        """Number of the data set's clips, each drawn once an epoch."""
        return self.whole

    @property
    def clip_of_row(self) -> np.ndarray:
        """`(rows,)` row of the data set's clip that each row is of; -1 for "none"."""
        clip_of = np.full(len(self), -1)
        clip_of[: self.whole] = np.arange(self.whole)
        for clip, rows in enumerate(self.cuts_of):
            clip_of[rows] = clip
        return clip_of

    def epoch_rows(self, batch_size: int, steps: int, generator: np.random.Generator) -> np.ndarray:
        """Draws the rows of one epoch's batches.

        Each clip comes as in `PairedClips.epoch_rows`, whole or as one of its cuts, and each batch
        has as many negatives more as `negatives` says, the kinds drawn evenly.

        Args:
            batch_size: Movements in a batch.
            steps: Batches.
            generator: Source of the draws.

        Returns:
            `(steps, batch)` rows.
        """
        order = repeated_rows(self.whole, batch_size, steps, generator).ravel()
        cut = generator.random(len(order)) >= self.clip_share
        pick = generator.random(len(order))
        rows = np.array(
            [
                self.cuts_of[row][int(share * len(self.cuts_of[row]))]
                if is_cut and len(self.cuts_of[row])
                else row
                for row, is_cut, share in zip(order, cut, pick, strict=True)
            ]
        ).reshape(steps, batch_size)
        count = round(self.negatives * batch_size)
        kinds = generator.integers(len(self.negative_rows), size=(steps, count))
        shares = generator.random((steps, count))
        none = np.array(
            [
                self.negative_rows[kind][int(share * len(self.negative_rows[kind]))]
                for kind, share in zip(kinds.ravel(), shares.ravel(), strict=True)
            ]
        ).reshape(steps, count)
        both = np.concatenate([rows, none], axis=1)
        # Mixup pairs samples by their place in the batch.
        return generator.permuted(both, axis=1)

    def with_skeleton(self) -> "StreamClips":
        """Returns the same rows, drawn only where they have a skeleton."""
        has = self.has_skeleton
        kept = tuple(rows[has[rows]] for rows in self.negative_rows)
        return dataclasses.replace(
            self,
            cuts_of=tuple(rows[has[rows]] for rows in self.cuts_of),
            negative_rows=tuple(rows for rows in kept if len(rows)),
        )

    @staticmethod
    def of(
        clips: PairedClips,
        settings: StreamSettings,
        num_classes: int,
        seed: int,
        skeletons: bool,
        recorded_none: Sequence[np.ndarray] = (),
        inputs: InputSettings | None = None,
    ) -> "StreamClips":
        """Cuts streams that are made of training clips.

        Args:
            clips: The training clips.
            settings: The detector, and what is drawn.
            num_classes: Number of classes without "none", which is the next label.
            seed: Seed of all draws.
            skeletons: Whether cuts keep their skeletons; else they have none.
            recorded_none: Recordings that show no class, `(samples, 3)` each, in g; a further kind
                of negatives.
            inputs: The mode, and the rate and length of windows; None for clip mode.

        Returns:
            The clips with their cuts.
        """
        arguments = (clips, settings, num_classes, skeletons, recorded_none)
        maker: _CutMaker = _SegmentMaker(*arguments)
        if inputs is not None and inputs.mode == "window":
            maker = _WindowMaker(*arguments, window_span(clips.accelerometer_rate_hz, inputs))
        maker.cut_movements(draw_generator(seed, "stream/movements"))
        for kind in maker.negatives:
            maker.cut_negatives(kind, draw_generator(seed, f"stream/{kind}"))
        return maker.clips_with_cuts()


class _CutMaker(ABC):
    """Collects cuts, each with its samples, skeleton, label and kind."""

    def __init__(
        self,
        clips: PairedClips,
        settings: StreamSettings,
        num_classes: int,
        skeletons: bool,
        recorded_none: Sequence[np.ndarray],
    ):
        self.clips = clips
        self.settings = settings
        self.none = num_classes
        self.skeletons = skeletons
        self.signals = clips.signals
        self.source = dataclasses.replace(
            IdleSource.of(self.signals, clips.accelerometer_rate_hz), recorded_none=recorded_none
        )
        self.samples: list[np.ndarray] = []
        self.poses: list[np.ndarray] = []
        self.labels: list[int] = []
        self.rows_of: list[list[int]] = [[] for _ in self.signals]
        kinds = (*settings.negative_kinds, *([RECORDED] if len(recorded_none) else []))
        self.negatives: dict[str, list[int]] = {kind: [] for kind in kinds}

    @abstractmethod
    def cut_movements(self, generator: np.random.Generator) -> None:
        """Cuts every clip between rests, several times."""

    @abstractmethod
    def cut_negatives(self, kind: str, generator: np.random.Generator) -> None:
        """Cuts streams of one kind until there are enough cuts."""

    def _keep(self, stream: Stream, begin: int, end: int, label: int) -> int:
        self.samples.append(stream.samples[begin:end])
        self.poses.append(self._poses(stream, begin, end))
        self.labels.append(label)
        return len(self.signals) + len(self.labels) - 1

    def _poses(self, stream: Stream, begin: int, end: int) -> np.ndarray:
        """Reads the skeleton of a cut, at as many frames as the longest clip has."""
        joints = self.clips.skeleton.shape[2]
        nothing = np.zeros((0, joints, 3), np.float32)
        clip = stream.clip[begin:end]
        if not self.skeletons or (clip < 0).any():
            return nothing
        if (self.clips.skeleton_lengths[np.unique(clip)] < 2).any():
            return nothing
        frames = min(end - begin, self.clips.skeleton.shape[1])
        at = np.round(np.linspace(begin, end - 1, frames)).astype(int)
        rows = stream.clip[at]
        last = self.clips.skeleton_lengths[rows] - 1
        position = stream.place[at] * last
        lower = np.minimum(position.astype(int), last - 1)
        share = (position - lower).astype(np.float32)[:, None, None]
        before, after = self.clips.skeleton[rows, lower], self.clips.skeleton[rows, lower + 1]
        return np.asarray(before + share * (after - before))

    def clips_with_cuts(self) -> StreamClips:
        """Returns the clips with all cuts behind them."""
        clips, cuts = self.clips, len(self.labels)
        accelerometer, lengths = _appended(
            clips.accelerometer, clips.accelerometer_lengths, self.samples
        )
        skeleton, frames = _appended(clips.skeleton, clips.skeleton_lengths, self.poses)
        fields = {field.name: getattr(clips, field.name) for field in dataclasses.fields(clips)}
        fields |= {
            "clip_ids": (*clips.clip_ids, *(f"cut {number}" for number in range(cuts))),
            "subjects": np.concatenate([clips.subjects, np.full(cuts, "")]),
            "labels": np.concatenate([clips.labels, np.array(self.labels, np.int32)]),
            "on_wrist": np.concatenate([clips.on_wrist, np.ones(cuts, bool)]),
            "accelerometer": accelerometer,
            "accelerometer_lengths": lengths,
            "skeleton": skeleton,
            "skeleton_lengths": frames,
            "gyroscope": None,  # a training for the stream reads the accelerometer alone
        }
        negatives = [np.array(rows) for rows in self.negatives.values() if rows]
        return StreamClips(
            **fields,
            whole=len(self.signals),
            cuts_of=tuple(np.array(rows, int) for rows in self.rows_of),
            negative_rows=tuple(negatives),
            clip_share=self.settings.clip_share,
            negatives=self.settings.negatives,
        )


class _SegmentMaker(_CutMaker):
    """Cuts with the segment detector, its settings drawn anew for each stream."""

    def cut_movements(self, generator: np.random.Generator) -> None:
        rows = np.repeat(np.arange(len(self.signals)), self.settings.cuts)
        for first in range(0, len(rows), _CHUNK):
            chosen = rows[first : first + _CHUNK]
            streams, spans = [], []
            for row in chosen:
                clip = Stream.of_clip(self.signals, int(row), 0, len(self.signals[row]))
                stream = self.source.rested(clip, generator)
                streams.append(stream)
                moves = np.flatnonzero((stream.place > 0) & (stream.place < 1))
                spans.append((moves[0] - 1, moves[-1] + 2) if len(moves) else (0, len(stream)))
            segments = self._detect(streams, generator)
            for stream_number, begin, end in self._borders(segments, streams, generator):
                motion = segments.motion[stream_number]
                begins, ends = spans[stream_number]
                whole = motion[begins:ends].sum()
                inside = motion[max(begin, begins) : min(end, ends)].sum()
                covered = inside / whole if whole > 0 else 0.0
                if covered >= self.settings.coverage:
                    row = int(chosen[stream_number])
                    label = int(self.clips.labels[row])
                    kept = self._keep(streams[stream_number], begin, end, label)
                    self.rows_of[row].append(kept)

    def cut_negatives(self, kind: str, generator: np.random.Generator) -> None:
        make, found, wanted = (
            recorded if kind == RECORDED else IDLE_GENERATORS[kind],
            self.negatives[kind],
            self.settings.negative_cuts,
        )
        for _ in range(_ROUNDS):
            count = min(wanted - len(found), _CHUNK)
            streams = [make(self.source, generator) for _ in range(count)]
            segments = self._detect(streams, generator)
            for number, begin, end in self._borders(segments, streams, generator):
                if len(found) < wanted:
                    found.append(self._keep(streams[number], begin, end, self.none))
            if len(found) == wanted:
                return

    def _detect(self, streams: Sequence[Stream], generator: np.random.Generator) -> Segments:
        padded, lengths = padded_arrays((stream.samples for stream in streams), (3,))
        settings = [jittered_detector(self.settings, generator) for _ in streams]
        limits = (self.settings.minimum_samples, self.settings.maximum_samples)
        return detect_segments(padded, lengths, settings, *limits)

    def _borders(
        self, segments: Segments, streams: Sequence[Stream], generator: np.random.Generator
    ) -> list[tuple[int, int, int]]:
        """Returns stream, first sample and end of each segment, the borders shifted a little."""
        most = self.settings.border_jitter
        shifts = generator.integers(-most, most + 1, (len(segments), 2))
        borders = []
        for number in range(len(segments)):
            stream = int(segments.stream[number])
            length = len(streams[stream])
            begin = int(np.clip(segments.first[number] + shifts[number, 0], 0, length - 2))
            end = int(np.clip(segments.end[number] + shifts[number, 1], begin + 2, length))
            borders.append((stream, begin, end))
        return borders


class _WindowMaker(_CutMaker):
    """Cuts windows at random places."""

    def __init__(
        self,
        clips: PairedClips,
        settings: StreamSettings,
        num_classes: int,
        skeletons: bool,
        recorded_none: Sequence[np.ndarray],
        length: int,
    ):
        super().__init__(clips, settings, num_classes, skeletons, recorded_none)
        self.length = length
        # A window may hold any share of what a kind shows, several times, or nothing but rest.
        seconds = length / clips.accelerometer_rate_hz
        self.source = dataclasses.replace(self.source, rest_seconds=(0.0, seconds))
        self.between = dataclasses.replace(self.source, rest_seconds=(seconds, seconds))

    def cut_movements(self, generator: np.random.Generator) -> None:
        for row, signal in enumerate(self.signals):
            starts = class_starts(self.source.courses[row], self.length, self.settings.coverage)
            clip = Stream.of_clip(self.signals, row, 0, len(signal))
            for start in generator.choice(starts, self.settings.cuts):
                stream = self.between.rested(clip, generator)
                begin = self.length + int(start)
                label = int(self.clips.labels[row])
                self.rows_of[row].append(self._keep(stream, begin, begin + self.length, label))

    def cut_negatives(self, kind: str, generator: np.random.Generator) -> None:
        for _ in range(self.settings.negative_cuts):
            stream = self._stream(kind, generator)
            begin = int(generator.integers(len(stream) - self.length + 1))
            end = begin + self.length
            self.negatives[kind].append(self._keep(stream, begin, end, self.none))

    def _stream(self, kind: str, generator: np.random.Generator) -> Stream:
        """Makes a stream of one kind that is at least as long as a window."""
        if kind != RECORDED:
            return idle_stream((kind,), self.source, 2 * self.length, generator)
        stream = recorded(self.source, generator)
        missing = max(self.length - len(stream), 0)
        return joined([stream, stream.held(-1, missing, generator)])


def _appended(
    padded: np.ndarray, lengths: np.ndarray, more: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    added = np.array([len(one) for one in more], lengths.dtype)
    longest = max(padded.shape[1], int(added.max(initial=0)))
    whole = np.zeros((len(padded) + len(more), longest, *padded.shape[2:]), np.float32)
    whole[: len(padded), : padded.shape[1]] = padded
    for number, one in enumerate(more):
        whole[len(padded) + number, : len(one)] = one
    return whole, np.concatenate([lengths, added])


def jittered_detector(settings: StreamSettings, generator: np.random.Generator) -> DetectorSettings:
    """Returns the detector's settings, each times the exponential of a normal draw."""
    detector, jitter = settings.detector, settings.jitter
    factors = np.exp(generator.normal(0.0, jitter, 6))
    start = detector.start_g * factors[0]
    return dataclasses.replace(
        detector,
        start_g=start,
        end_g=min(detector.end_g * factors[0] * factors[1] ** 0.5, start),
        gravity_weight=min(detector.gravity_weight * factors[2], 1.0),
        energy_weight=min(detector.energy_weight * factors[3], 1.0),
        lead_samples=round(detector.lead_samples * factors[4]),
        rest_samples=max(round(detector.rest_samples * factors[5]), 1),
    )
