"""Labelled repetitions of one wearer, cut out of recordings as the device cuts them.

A student of clips reads each labelled span as it is. One that was trained for streams also reads
what the segment detector cuts there, with settings that vary as in its training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pskd_tf.data.clips import PairedClips, padded_arrays
from pskd_tf.data.detector import detect_segments
from pskd_tf.data.stream_clips import jittered_detector
from pskd_tf.data.views import random_views
from pskd_tf.input_settings import AugmentationSettings, InputSettings
from pskd_tf.stream_settings import StreamSettings


@dataclass(frozen=True)
class LabelledSamples:
    """An evenly sampled recording and what is labelled in it.

    Attributes:
        samples: `(samples, 3)` float32, finite, in g, at the rate of the training clips.
        spans: `(spans, 3)` integers: index of the first sample, index after the last one, class.
    """

    samples: np.ndarray
    spans: np.ndarray


@dataclass(frozen=True)
class Repetitions:
    """The repetitions of all recordings.

    Attributes:
        clips: Accelerometer of the labelled spans, and behind them of the detector's cuts; no
            skeletons.
        cuts_of: For each labelled span the rows of its cuts in `clips`.
        clip_share: Share of the views that show the labelled span where there are cuts.
    """

    clips: PairedClips
    cuts_of: tuple[np.ndarray, ...]
    clip_share: float

    def __len__(self) -> int:
        return len(self.cuts_of)

    @property
    def labels(self) -> np.ndarray:
        """`(repetitions,)` class of each."""
        return np.asarray(self.clips.labels[: len(self)])

    def views(
        self,
        count: int,
        generator: np.random.Generator,
        inputs: InputSettings,
        augmentation: AugmentationSettings,
    ) -> np.ndarray:
        """Draws augmented views of every repetition: of its labelled span or of one of its cuts.

        Args:
            count: Views of each.
            generator: Source of the draws.
            inputs: The preprocessing.
            augmentation: Strengths of the changes.

        Returns:
            `(repetitions, count, steps, 1, channels)` float32, in g.
        """
        rows = np.repeat(np.arange(len(self)), count)
        whole = generator.random(len(rows)) < self.clip_share
        pick = generator.random(len(rows))
        for place in np.flatnonzero(~whole):
            cuts = self.cuts_of[rows[place]]
            if len(cuts):
                rows[place] = cuts[int(pick[place] * len(cuts))]
        views = random_views(self.clips, rows, {"accelerometer"}, generator, inputs, augmentation)
        features = views["accelerometer"]
        return features.reshape(len(self), count, *features.shape[1:])

    @staticmethod
    def of(
        recordings: Sequence[LabelledSamples],
        rate_hz: float,
        stream: StreamSettings | None,
        generator: np.random.Generator,
    ) -> "Repetitions":
        """Cuts the repetitions out of recordings.

        A cut belongs to a span if it covers enough of the motion there (`coverage` of the
        settings) and overlaps no other span. Source: the rule of the training's cuts, ours.

        Args:
            recordings: At least one labelled span in all.
            rate_hz: Rate of the samples.
            stream: The detector and what varies; None for a student of clips.
            generator: Source of the draws.

        Returns:
            The repetitions, in the order of the recordings and their spans.
        """
        spans = [
            (one.samples[first:end], int(label))
            for one in recordings
            for first, end, label in one.spans
        ]
        found: list[list[np.ndarray]] = [[] for _ in spans]
        if stream is not None:
            before = 0
            for one in recordings:
                for span, cut in _cuts(one, stream, generator):
                    found[before + span].append(cut)
                before += len(one.spans)
        cuts = [cut for of_span in found for cut in of_span]
        places = len(spans) + np.cumsum([0, *map(len, found)])
        labels = [label for _, label in spans]
        labels += [label for label, of_span in zip(labels, found, strict=True) for _ in of_span]
        return Repetitions(
            _unpaired([*(samples for samples, _ in spans), *cuts], labels, rate_hz),
            tuple(np.arange(first, end) for first, end in pairwise(places)),
            1.0 if stream is None else stream.clip_share,
        )


def _cuts(
    recording: LabelledSamples, stream: StreamSettings, generator: np.random.Generator
) -> list[tuple[int, np.ndarray]]:
    """Returns pairs of a span's index and the samples of a cut of it."""
    samples, spans = recording.samples, recording.spans
    streams = np.repeat(samples[None], stream.cuts, axis=0)
    segments = detect_segments(
        streams,
        np.full(stream.cuts, len(samples)),
        [jittered_detector(stream, generator) for _ in range(stream.cuts)],
        stream.minimum_samples,
        stream.maximum_samples,
    )
    most = stream.border_jitter
    shifts = generator.integers(-most, most + 1, (len(segments), 2))
    cuts = []
    for number in range(len(segments)):
        begin = int(np.clip(segments.first[number] + shifts[number, 0], 0, len(samples) - 2))
        end = int(np.clip(segments.end[number] + shifts[number, 1], begin + 2, len(samples)))
        overlapped = np.flatnonzero((spans[:, 0] < end) & (spans[:, 1] > begin))
        if len(overlapped) != 1:
            continue
        first, last, _ = spans[overlapped[0]]
        motion = segments.motion[segments.stream[number]]
        whole = motion[first:last].sum()
        if whole > 0 and motion[max(first, begin) : min(last, end)].sum() >= (
            stream.coverage * whole
        ):
            cuts.append((int(overlapped[0]), samples[begin:end]))
    return cuts


def _unpaired(signals: Sequence[np.ndarray], labels: Sequence[int], rate_hz: float) -> PairedClips:
    """Returns clips without skeletons, such as views are drawn from."""
    padded, lengths = padded_arrays(signals, (3,))
    return PairedClips(
        clip_ids=tuple(f"repetition {number}" for number in range(len(signals))),
        subjects=np.full(len(signals), "wearer"),
        labels=np.array(labels, np.int32),
        on_wrist=np.ones(len(signals), bool),
        accelerometer=padded,
        accelerometer_lengths=lengths,
        skeleton=np.zeros((len(signals), 2, 0, 3), np.float32),
        skeleton_lengths=np.zeros(len(signals), np.int32),
        joint_parents=(),
        root_joint=0,
        up_axis=1,
        accelerometer_rate_hz=rate_hz,
    )
